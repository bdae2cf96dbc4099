import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyState, atomic } from 'zproc'
import { deepEqual } from '../../src/protocol/value-equal.ts'
import { fromWire, toWire } from '../../src/protocol/values.ts'
import { contract } from '../kit/servers.ts'
import { beginning, type Program, program, random, run } from '../store/programs.ts'

// At the store's own door many more of them are run: see ../fuzz/draft.test.ts.
const PROGRAMS = 30

const clone = (value: unknown) => structuredClone(value)
// Where the caller runs a function, the language's own structuredClone knows nothing of parts.
const same = (value: unknown) => value

const there = atomic((state: AnyState, instructions: Program) => run(state, instructions, { clone }))
const here = atomic(async (state: AnyState, instructions: Program) =>
  run(state, instructions, { clone: same }),
)

/** As it crosses to another process. */
const crossed = (value: unknown) => fromWire(toWire(value, 'test'))

contract('programs', room => {
  test('a program does to the state what it does to a plain object, and a view follows it', async t => {
    const [state, other] = await room.pair(t)
    const view = await other.view()
    for (let seed = 0; seed < PROGRAMS; seed++) {
      const instructions = program(random(seed))
      const isHere = seed % 2 === 1
      const before = beginning(seed >> 1)
      await state.set(before)
      const plain = crossed(before) as Record<string, unknown>
      let expected: unknown
      let after = before
      try {
        expected = crossed(run(plain, instructions, { clone: isHere ? same : clone }))
        // Each key's value is data of its own.
        after = Object.fromEntries(Object.entries(plain).map(([key, value]) => [key, crossed(value)]))
      } catch (error) {
        expected = (error as Error).name
      }
      const answer = await (isHere ? here : there)(state, instructions).catch((error: Error) => error.name)
      assert.ok(deepEqual(answer, expected), `seed ${seed}: its result`)
      assert.ok(deepEqual(await state.copy(), after), `seed ${seed}: the state`)
      await other.set('end', seed)
      assert.ok(deepEqual({ ...view.snapshot }, { ...after, end: seed }), `seed ${seed}: what the view shows`)
    }
  })
})
