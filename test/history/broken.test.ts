import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Server, startServer } from 'zproc'
import { type Lie, lies, lying, prepareLies } from './broken.ts'
import type { Call } from './calls.ts'
import { check } from './check.ts'
import type { Watch } from './records.ts'
import { happen, type Plan, planOf, type Stage } from './run.ts'
import type { Wrong } from './violations.ts'
import type { Watching, Workload } from './workload.ts'

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
}

/** Of these, the search for an order finds some without a look at the log. */
const searchable: Lie[] = ['drops a write', 'lets writers in during a hold', 'serves a stale read']

const HISTORIES = 6
/** Some lies leave somebody waiting for ever. */
const PATIENCE = 5000
let server: Server
let stage: Stage

before(async () => {
  prepareLies()
  const historyLimit = 25
  server = await startServer(null, { backend: 'inline', historyLimit })
  stage = { address: server.address, historyLimit, allowCode: true }
})
after(() => server.stop())

for (const lie of lies)
  test(`a server that ${lie} is caught every time: ${names[lie]}`, async t => {
    let searched = 0
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const history = await lying(lie, () => happen(planFor(lie, seed), stage, { patience: PATIENCE }))
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

/** A workload that gives the lie its chance: somebody must do what it is about. */
function planFor(lie: Lie, seed: number): Plan {
  const plan = planOf(seed, stage, lie === 'lets writers in during a hold' ? { async: 20 } : {})
  const raw: Watch = { kind: 'raw', keys: [], live: false, duplicateOkay: true }
  const now: Watch = { kind: 'notEqual', keys: ['flag'], value: 'never', live: true, duplicateOkay: false }
  const nothing: Watching = { kind: 'nothing' }
  const rawLoop: Watching = { kind: 'loop', watch: raw }
  const live: Watching = { kind: 'once', watches: [{ watch: now, goLive: false }] }
  const workloads = plan.workloads.map((workload, i): Workload => {
    const { name, rounds } = workload
    const late = lie === 'names a wrong gap' && i === 0
    const watching = rounds.length > 0 && !late && lie !== 'passes on own writes' ? nothing : rawLoop
    const more = rounds.flatMap((round, at) =>
      at % 8 === 0 ? [round, ...together(`${name}/more${at}`)] : [round],
    )
    const watched = lie === 'goes back' ? live : watching
    return { ...workload, rounds: more, watching: watched, late, hasWatched: late, view: false }
  })
  return { ...plan, workloads, faults: [] }
}

/** Two writes that are told of together, and one of two keys. */
const together = (tag: string): Call[][] => [
  ['r0', 'r1'].map(key => ({ kind: 'set', key, value: `${tag}.${key}` })),
  [{ kind: 'update', entries: { r2: `${tag}.r2`, r3: `${tag}.r3` } }],
]
