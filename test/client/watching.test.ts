// What all watchers of one State hand out, against a model of the log (watch-model.ts): programs of writes by this State and
// others, one by one and at once, one-shot watchers and loops of every kind, buffered and live, several at a time, which are stepped, timed out,
// aborted and left at any moment; on a log that is kept, and on one so short that watchers fall behind. ZPROC_WATCH_PROGRAMS
// sets how many (150 on either; a fifth of them on Redis).
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { startServer } from 'zproc'
import { noRedis, startRedis } from '../kit/redis.ts'
import { Watching } from './watch-program.ts'

const PROGRAMS = Number(process.env.ZPROC_WATCH_PROGRAMS ?? 150)

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
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('burst'),
      writes: fc.array(fc.record({ by: fc.nat({ max: 2 }), key, value }), { minLength: 2, maxLength: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('bulk'), count: fc.constantFrom(3, 10, 20) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('once'), watch, then }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('loop'), watch, then }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('step'), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave'), which, abort: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('goLive') }) },
)

// More than is written at once.
const SHORT = 8
const onServer = (historyLimit: number) => async () => {
  const server = await startServer(null, { backend: 'inline', historyLimit })
  return { address: server.address, stop: () => server.stop() }
}

const homes = [
  { name: 'on a server', programs: PROGRAMS, limit: Infinity, start: onServer(100_000) },
  { name: 'on a server with a short log', programs: PROGRAMS, limit: SHORT, start: onServer(SHORT) },
  { name: 'on Redis', programs: Math.ceil(PROGRAMS / 5), limit: Infinity, start: () => startRedis() },
]

for (const { name, programs, limit, start } of homes)
  test(`watchers ${name} hand out what the model of the log says, and end as they are ended`, {
    skip: name === 'on Redis' && noRedis,
  }, async t => {
    const { address, stop } = await start()
    t.after(() => stop())
    let handed = 0
    let gaps = 0
    const program = fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }),
      async steps => {
        const watching = await Watching.begin(address, randomUUID(), limit)
        try {
          for (const step of steps) await watching.take(step)
          await watching.closed()
        } finally {
          handed += watching.handed
          gaps += watching.gaps
          await watching.end()
        }
      },
    )
    await fc.assert(program, { numRuns: programs })
    t.diagnostic(`${handed} snapshots and ${gaps} gaps`)
    assert.ok(handed > programs, `${handed} snapshots are too few`)
    assert.ok(limit === Infinity ? gaps === 0 : gaps > 0, `${gaps} gaps`)
  })
