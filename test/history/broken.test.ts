import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Server, startServer } from 'zproc'
import { elsewhere } from '../kit/elsewhere.ts'
import { prepareLies } from './broken.ts'
import { planFor } from './broken-plans.ts'
import { check } from './check.ts'
import { clientLies, type Lie, lying, serverLies } from './lie.ts'
import { happen, type Stage } from './run.ts'
import type { Wrong } from './violations.ts'

/** What the checker is to call each lie. */
const names: Record<Lie, Wrong> = {
  'drops a write': 'lost write',
  'repeats a write': 'repeated write',
  'reorders writes': 'reordered writes',
  'lets writers in during a hold': 'wrong effect',
  'serves a stale read': 'stale read',
  'tears a snapshot': 'torn snapshot',
  'loses an update': 'lost update',
  'repeats an update': 'repeated update',
  'reorders updates': 'reordered updates',
  'tears an update': 'torn snapshot',
  'passes on own writes': 'own write',
  'goes back': 'went back',
  'names a wrong gap': 'wrong gap',
  'names a gap before the first watch': 'wrong gap',
  'tests a condition without an own write': 'went back',
  'leaves out own writes that were asked for': 'lost update',
  'counts an own write in a live loop': 'wrong update',
  'takes a jump over own writes for an update': 'wrong update',
  'names own writes as missed': 'wrong gap',
  'skips a gap in silence': 'lost update',
  'ends a live loop before the last state': 'stuck',
  'shows a live loop an old state': 'went back',
  'repeats a step of a live loop': 'wrong update',
  'forgets what live watchers handed out': 'repeated update',
  'lets a view lag behind an own write': 'stale view',
  'fails loops when their State is closed': 'wrong end',
  'hands nothing to one-shots when their State is closed': 'wrong end',
}

/** Of these, the search for an order finds some without a look at the log. */
const searchable: Lie[] = ['drops a write', 'lets writers in during a hold', 'serves a stale read']

const HISTORIES = 6
/** Some lies leave somebody waiting for ever. */
const PATIENCE = 3000
let server: Server
let stage: Stage

before(async () => {
  prepareLies()
  const historyLimit = 25
  server = await startServer(null, { backend: 'inline', historyLimit })
  stage = { address: server.address, historyLimit, allowCode: true }
})
after(() => server.stop())

for (const lie of [...serverLies, ...clientLies])
  test(`a ${clientLies.some(one => one === lie) ? 'client' : 'server'} that ${lie} is caught every time: ${names[lie]}`, async t => {
    let searched = 0
    const spared = [stage.address, elsewhere(stage.address)]
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const history = await lying(lie, spared, () =>
        happen(planFor(lie, seed, stage), stage, { patience: PATIENCE }),
      )
      const wrong = new Set(check(history).map(violation => violation.wrong))
      assert.ok(
        wrong.has(names[lie]),
        `seed ${seed}: ${lie}, and all that is found is: ${[...wrong].join(', ')}`,
      )
      if (wrong.has('not linearizable')) searched++
    }
    t.diagnostic(`not linearizable, going by what the clients saw alone: ${searched} of ${HISTORIES}`)
    if (searchable.includes(lie)) assert.ok(searched > 0, 'no history was found not to be linearizable')
  })
