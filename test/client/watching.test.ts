// What all watchers of one State hand out, against a model of the log (watch-model.ts): programs of writes by this State and
// another, one-shot watchers and loops of every kind, buffered and live, several at a time, which are stepped, timed out,
// aborted and left at any moment. ZPROC_WATCH_PROGRAMS sets how many (200;
// a fifth of them on Redis).
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { startServer } from 'zproc'
import { noRedis, startRedis } from '../kit/redis.ts'
import { Watching } from './watch-program.ts'

const PROGRAMS = Number(process.env.ZPROC_WATCH_PROGRAMS ?? 200)

const keys = ['a', 'b', 'c']
const key = fc.constantFrom(...keys)
const value = fc.integer({ min: 0, max: 2 })
const watch = fc.record({
  kind: fc.constantFrom('raw', 'change', 'change', 'equal', 'notEqual', 'notNone'),
  keys: fc.uniqueArray(key, { maxLength: 2 }),
  exclude: fc.boolean(),
  value,
  live: fc.boolean(),
  own: fc.boolean(),
  duplicateOkay: fc.boolean(),
})
const which = fc.nat({ max: 9 })
const then = fc.constantFrom('wait', 'wait', 'abort', 'timeout')
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('write'), own: fc.boolean(), key, value }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('once'), watch, then }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('loop'), watch, then }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('step'), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave'), which, abort: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('goLive') }) },
)

const homes = [
  {
    name: 'on a server',
    programs: PROGRAMS,
    start: async () => {
      const server = await startServer(null, { backend: 'inline' })
      return { address: server.address, stop: () => server.stop() }
    },
  },
  { name: 'on Redis', programs: Math.ceil(PROGRAMS / 5), start: () => startRedis() },
]

for (const { name, programs, start } of homes)
  test(`watchers ${name} hand out what the model of the log says, and end as they are ended`, {
    skip: name === 'on Redis' && noRedis,
  }, async t => {
    const { address, stop } = await start()
    t.after(() => stop())
    let handed = 0
    const program = fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }),
      async steps => {
        const watching = await Watching.begin(address, randomUUID())
        try {
          for (const step of steps) await watching.take(step)
          await watching.closed()
        } finally {
          handed += watching.handed
          await watching.end()
        }
      },
    )
    await fc.assert(program, { numRuns: programs })
    assert.ok(handed > programs, `${handed} snapshots are too few`)
  })
