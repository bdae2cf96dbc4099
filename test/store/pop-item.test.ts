import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { ABSENT, type Author } from '../../src/store/commit.ts'
import { writes } from '../../src/store/methods.ts'
import { Namespace } from '../../src/store/namespace.ts'
import { costs } from '../kit/cost.ts'
import { held } from '../kit/memory.ts'

const author: Author = { session: 1, state: 1, pid: 1, name: 'test' }
const run = (space: Namespace, kind: number, ...args: unknown[]) =>
  (writes[kind] as (...all: unknown[]) => unknown)(space, author, ...args)

test('popItem takes the newest key, whatever was put, deleted, put again or emptied before', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd')
  const call = fc.oneof(
    fc.record({ what: fc.constant('set'), key }),
    fc.record({ what: fc.constant('delete'), key }),
    fc.record({ what: fc.constantFrom('popItem', 'popItem', 'clear', 'replace'), key }),
  )
  fc.assert(
    fc.property(fc.array(call, { maxLength: 60 }), calls => {
      const space = new Namespace('test', 100)
      let model = new Map<string, number>()
      for (const [i, { what, key }] of calls.entries()) {
        if (what === 'set') {
          run(space, Ask.set, key, i)
          model.set(key, i)
        } else if (what === 'delete') {
          run(space, Ask.delete, key)
          model.delete(key)
        } else if (what === 'popItem') {
          const last = [...model].at(-1)
          assert.deepEqual(run(space, Ask.popItem), last ?? ABSENT)
          if (last) model.delete(last[0])
        } else {
          const entries: [string, number][] =
            what === 'clear'
              ? []
              : [
                  ['d', i],
                  [key, i],
                ]
          run(space, what === 'clear' ? Ask.clear : Ask.replace, entries)
          model = new Map(entries)
        }
        assert.deepEqual([...space.values], [...model])
      }
    }),
    { numRuns: 2000 },
  )
})

test('popItem does not walk over the keys', () => {
  const popping = (keys: number) => {
    const space = new Namespace('test', 10)
    for (let i = 0; i < keys; i++) run(space, Ask.set, `key ${i}`, i)
    return () => {
      for (let i = 0; i < 2000; i++) {
        assert.deepEqual(run(space, Ask.popItem), [`key ${keys - 1}`, keys - 1])
        run(space, Ask.set, `key ${keys - 1}`, keys - 1)
      }
    }
  }
  // Two thousand times the keys: a walk would cost about two thousand times as much.
  const { few, many } = costs(3, { few: popping(100), many: popping(200_000) })
  assert.ok(many < 100 * few, `${few} µs with 100 keys, ${many} µs with 200,000`)
})

test('keys that come and go after a popItem leave nothing behind', async () => {
  const space = new Namespace('test', 10)
  run(space, Ask.popItem)
  const before = (await held()).heapUsed
  for (let i = 0; i < 2_000_000; i++) {
    run(space, Ask.set, 'same', i)
    run(space, Ask.delete, 'same')
  }
  const grown = (await held()).heapUsed - before
  assert.ok(grown < 1e6, `the heap grew by ${grown} bytes`)
})
