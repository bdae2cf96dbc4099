// How long the pieces take in which an earlier state is put together and encoded, for generated histories of large states and
// long lists, in processor time: the best of some runs, so that other programs do not count. RUNS=n sets how many histories are
// tried, SEED=n the seed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decode } from '../../src/protocol/frames.ts'
import type { Entry } from '../../src/protocol/messages.ts'
import { fromWire, toWire } from '../../src/protocol/values.ts'
import { ABSENT, type Author, change, slot } from '../../src/store/commit.ts'
import { stateAt } from '../../src/store/earlier.ts'
import { encodeEntries } from '../../src/store/entry-parts.ts'
import { Namespace } from '../../src/store/namespace.ts'
import { runAtomic } from '../../src/store/run-atomic.ts'

const numRuns = Number(process.env.RUNS ?? 5)
const seed = Number(process.env.SEED ?? 1)
// Milliseconds for which nothing may stop. A turn of inPieces is a piece longer than its 2 ms.
const LONGEST = 3
const TRIES = 5

const author: Author = { session: 1, state: 1, pid: 1, name: 'test' }

type List = { list: unknown[] }
const edits: Record<string, (state: List, i: number) => void> = {
  push: ({ list }, i) => void list.push(i),
  pop: ({ list }) => void list.pop(),
  shift: ({ list }) => void list.shift(),
  unshift: ({ list }, i) => void list.unshift(i),
  inside: ({ list }, i) => void list.splice(list.length >> 1, 1, i, i),
  put: ({ list }, i) => {
    list[i % 10] = { i }
  },
}

interface Plan {
  keys: number
  /** How many of them are changed behind the revision that is gone back to. */
  changed: number
  length: number
  /** Of the elements. */
  item: unknown
  steps: number
  kind: string
}

const plan: fc.Arbitrary<Plan> = fc.record({
  keys: fc.constantFrom(10, 10_000, 400_000),
  changed: fc.constantFrom(0, 1000, 300_000),
  length: fc.constantFrom(10, 5000, 200_000),
  item: fc.constantFrom<unknown[]>(1, 'text', { id: 1, name: 'one' }),
  steps: fc.constantFrom(0, 1000, 50_000),
  kind: fc.constantFrom(...Object.keys(edits)),
})

/** A namespace, and what it was at revision 1. */
function made({ keys, changed, length, item, steps, kind }: Plan): Namespace {
  const space = new Namespace('n', 1_000_000)
  const list = Array.from({ length }, () => (typeof item === 'object' ? { ...item } : item))
  space.values.set('list', toWire(list, 'test', 'list'))
  for (let i = 0; i < keys; i++) space.values.set(`key${i}`, i)
  space.commit(author, 'set', [change('first', ABSENT, 1)])
  const edit = edits[kind] as (state: List, i: number) => void
  // To make one inside a long list takes milliseconds.
  const most = kind === 'inside' ? 200 : steps
  for (let i = 0; i < Math.min(steps, most); i++)
    runAtomic(space, author, edit, state => edit(state as List, i))
  for (let i = 0; i < Math.min(keys, changed); i++) {
    const key = `key${i}`
    space.commit(author, 'set', [change(key, slot(space.values, key), i % 3 === 0 ? ABSENT : -i)])
  }
  return space
}

function* answer(space: Namespace, part: (bytes: Uint8Array) => void): Generator<void, void> {
  const lists = yield* stateAt(space, 1)
  assert.ok(lists)
  part(yield* encodeEntries(lists, part))
}

/** Milliseconds of each piece, and the parts. */
function run(space: Namespace): { took: number[]; parts: Uint8Array[] } {
  const took: number[] = []
  const parts: Uint8Array[] = []
  const work = answer(space, part => void parts.push(part))
  for (let done: boolean | undefined = false; !done; ) {
    const before = process.cpuUsage()
    done = work.next().done
    const { user, system } = process.cpuUsage(before)
    took.push((user + system) / 1000)
  }
  return { took, parts }
}

test(`no piece of an earlier state takes longer than ${LONGEST} ms`, () => {
  fc.assert(
    fc.property(plan, plan => {
      const space = made(plan)
      let best: number[] | undefined
      for (let i = 0; i < TRIES && !(best && Math.max(...best) < LONGEST); i++) {
        const { took, parts } = run(space)
        best = best ? best.map((ms, piece) => Math.min(ms, took[piece] ?? 0)) : took
        if (i > 0) continue
        const entries = parts.flatMap(part => decode(part) as Entry[])
        const { list, ...others } = Object.fromEntries(entries) as Record<string, never>
        assert.equal((fromWire(list) as unknown[]).length, plan.length)
        assert.deepEqual(fromWire(list), Array(plan.length).fill(plan.item))
        assert.equal(Object.keys(others).length, plan.keys + 1)
      }
      assert.ok(
        Math.max(...(best as number[])) < LONGEST,
        `a piece took ${Math.max(...(best as number[]))} ms`,
      )
    }),
    { numRuns, seed, endOnFailure: true },
  )
})
