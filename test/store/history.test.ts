import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { Packed, toWire, type Wire } from '../../src/protocol/values.ts'
import { ABSENT, type Author, type Change, change, slot } from '../../src/store/commit.ts'
import { History } from '../../src/store/history.ts'
import { writes } from '../../src/store/methods.ts'
import { Namespace } from '../../src/store/namespace.ts'
import { runAtomic } from '../../src/store/run-atomic.ts'
import { held } from '../kit/memory.ts'

// ZPROC_COMMITS: how many commits of each kind are made at least, 1,000,000 for a long look. Else as many as fill the log twice.
const COMMITS = Number(process.env.ZPROC_COMMITS ?? 0)
const LIMIT = COMMITS > 0 ? 16 << 20 : 4 << 20

const author: Author = { session: 1, state: 1, pid: 1, name: 'test' }
// As they arrive in a frame: each a text, and bytes, of its own.
const text = (of: string) => Buffer.from(of).toString('latin1')
const bytes = (value: object): Wire => new Packed(new Uint8Array((toWire(value, 'test') as Packed).bytes))

type Write = (space: Namespace, author: Author, ...args: unknown[]) => unknown
const write = (space: Namespace, kind: number, ...args: unknown[]) =>
  (writes[kind] as Write)(space, author, ...args)
const entries = (count: number, value: (k: number) => Wire) =>
  Array.from({ length: count }, (_, k) => [text(`key ${k}`), value(k)])
const run = (space: Namespace, fn: (state: Record<string, never>) => void) =>
  runAtomic(space, author, { name: 'test' }, fn as (state: object) => unknown)

const kinds: Record<string, (space: Namespace, i: number) => unknown> = {
  'a small number': (space, i) => write(space, Ask.set, text('key'), i),
  'a fraction': (space, i) => write(space, Ask.set, text(`key ${i % 50}`), i + 0.5),
  'a text': (space, i) => write(space, Ask.set, text(`key ${i % 50}`), text(`a text that is number ${i}`)),
  'a small object': (space, i) => write(space, Ask.set, text(`key ${i % 50}`), bytes({ i, list: [1, 2] })),
  'a large object': (space, i) =>
    write(space, Ask.set, text(`key ${i % 10}`), bytes({ i, x: 'x'.repeat(2000) })),
  'a key that comes and goes': (space, i) =>
    i % 2 ? write(space, Ask.delete, text('key')) : write(space, Ask.set, text('key'), bytes({ i })),
  'many keys that go': (space, i) =>
    i % 200 < 100
      ? write(space, Ask.set, text(`key ${i % 200}`), bytes({ i, x: 'x'.repeat(500) }))
      : write(space, Ask.delete, text(`key ${(i % 200) - 100}`)),
  'a step of an atomic function': (space, i) =>
    run(space, (state: Record<string, { n: number; list: number[] }>) => {
      if (state.key) state.key.n = i
      else state.key = { n: 0, list: [1, 2, 3] }
    }),
  'an object that an atomic function puts': (space, i) =>
    run(space, (state: Record<string, { n: number; x: string }>) => {
      state.key = { n: i, x: 'x'.repeat(200) }
    }),
  'a value that changed in steps and is put anew': (space, i) =>
    i % 10 === 0
      ? write(space, Ask.set, text('key'), bytes({ n: 0, x: 'x'.repeat(1000) }))
      : run(space, (state: Record<string, { n: number }>) => {
          if (state.key) state.key.n++
        }),
  'an update of ten keys': (space, i) =>
    write(
      space,
      Ask.update,
      entries(10, k => i + k),
    ),
  'an update of 500 keys': (space, i) =>
    i % 50 === 0 &&
    write(
      space,
      Ask.update,
      entries(500, k => i + k),
    ),
  'a state that is replaced': (space, i) =>
    i % 5 === 0 &&
    write(
      space,
      Ask.replace,
      entries(10, k => text(`value ${i + k}`)),
    ),
  'a state that is cleared': (space, i) =>
    i % 20 === 19 ? write(space, Ask.clear) : write(space, Ask.set, text(`key ${i}`), bytes({ i })),
}

async function memory(): Promise<number> {
  const { heapUsed, arrayBuffers } = await held()
  return heapUsed + arrayBuffers
}

function filled(commit: (space: Namespace, i: number) => unknown, count: number): Namespace {
  const space = new Namespace('n', Number.POSITIVE_INFINITY, { historyBytes: LIMIT })
  for (let i = 0; i < count || space.first < 2 + space.revision / 2; i++) commit(space, i)
  return space
}

for (const [kind, commit] of Object.entries(kinds))
  test(`what a log keeps weighs what historyBytes allows: ${kind}`, async t => {
    filled(commit, 0)
    const before = await memory()
    let space: Namespace | undefined = filled(commit, COMMITS)
    const used = (await memory()) - before
    const commits = `${space.revision} commits, of which ${space.revision - space.first + 1} are kept`
    t.diagnostic(`${commits}: ${(used / LIMIT).toFixed(2)} times the limit of ${LIMIT >> 20} MiB`)
    assert.ok(space.first > 1, 'the log is full')
    assert.ok(space.historyBytes <= LIMIT && space.historyBytes > 0.9 * LIMIT)
    assert.ok(used <= 1.3 * LIMIT, `${used} bytes, ${(used / LIMIT).toFixed(2)} times the limit`)
    assert.ok(used >= 0.5 * LIMIT, `${used} bytes, ${(used / LIMIT).toFixed(2)} times the limit`)
    space = undefined
  })

test('a log that is bounded in bytes alone lets go of all that is older', async () => {
  const before = await memory()
  const history = new History(Number.POSITIVE_INFINITY, 100_000)
  for (let i = 0; i < 300_000; i++) history.add(author, 'set', i, false, [change('key', i, i + 1)])
  const used = (await memory()) - before
  assert.ok(used < 400_000, `${used} bytes`)
  assert.equal(history.at(300_000).time, 299_999)
})

test('a log gives back the commits that it keeps, whatever its bounds', () => {
  const changes = fc.oneof(
    fc
      .tuple(fc.constantFrom('a', 'b'), fc.nat(3))
      .map(([key, value]): Change[] => [change(key, ABSENT, value)]),
    fc.constant<Change[]>([]),
    fc.constant<Change[]>([change('a', 1, 2), change('b', ABSENT, 'x'.repeat(50))]),
    fc.constant<Change[]>([{ key: null, before: new Map([['a', 'y'.repeat(100)]]) }]),
  )
  const property = fc.property(
    fc.constantFrom(1, 2, 7, 256, 300, 1000, Number.POSITIVE_INFINITY),
    fc.constantFrom(1, 300, 5000, 30_000, Number.POSITIVE_INFINITY),
    fc.nat(1000),
    fc.array(fc.tuple(changes, fc.integer({ min: 1, max: 300 })), { maxLength: 12 }),
    (limit, limitBytes, start, rounds) => {
      const history = new History(limit, limitBytes, start)
      const all: (readonly Change[])[] = []
      for (const [made, times] of rounds)
        for (let i = 0; i < times; i++) {
          history.add(author, 'test', all.push(made), false, made)
          const count = start + all.length - history.first + 1
          assert.ok(count >= 1 && count <= limit)
          assert.ok(history.bytes <= limitBytes || count === 1)
          if (limitBytes === Number.POSITIVE_INFINITY) assert.equal(count, Math.min(limit, all.length))
        }
      for (let r = history.first; r <= start + all.length; r++) {
        const { changes, time } = history.at(r)
        assert.deepEqual([changes, time], [all[r - start - 1], r - start])
      }
    },
  )
  fc.assert(property, { numRuns: 300 })
})

test('the slot of a key that is put keeps no decoded form in the log', () => {
  const space = new Namespace('n', 100, { historyBytes: 1 << 20 })
  write(space, Ask.set, 'key', bytes({ list: [1, 2, 3] }))
  const first = slot(space.values, 'key') as Packed
  const decoded = first.shared()
  write(space, Ask.set, 'key', 1)
  assert.notEqual(first.shared(), decoded)
  assert.deepEqual(first.shared(), decoded)
})
