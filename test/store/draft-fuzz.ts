// Runs programs on a namespace's draft and on a plain object, and says where they part ways. See draft.test.ts, and fuzz/draft.test.ts.
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { Cursor } from '../../src/client/cursor.ts'
import { decode, encode } from '../../src/protocol/frames.ts'
import type { Entry, WireCommit } from '../../src/protocol/messages.ts'
import { fromWire, frozenFromWire, Packed, toWire, type Wire } from '../../src/protocol/values.ts'
import { cloning } from '../../src/shipping/guard/structured-clone.ts'
import { type Author, change, slot, type Values, wireCommit } from '../../src/store/commit.ts'
import { stateAt } from '../../src/store/earlier.ts'
import { Namespace } from '../../src/store/namespace.ts'
import { runAtomic } from '../../src/store/run-atomic.ts'
import { finished } from '../kit/finished.ts'
import { beginning, type Program, program, random, run } from './programs.ts'

type State = Record<string, unknown>

/** Programs that are run one after the other on one state. */
interface Session {
  kind: number
  programs: Program[]
  /** For each program, a number that says who reads what after it. */
  readers: number[]
}

function session(seed: number): Session {
  const next = random(seed)
  const programs = Array.from({ length: 10 }, () => program(next))
  return { kind: next() % 6, programs, readers: programs.map(() => next() % 16) }
}

const author: Author = { session: 1, state: 1, pid: 1, name: 'test' }
const BYTES = 20_000

/** Each key's value as bytes: equal ones are equal in all, the order of fields and what is shared included. */
type Snapshot = Record<string, string>
const bytesOf = (value: unknown): string => {
  const wire = toWire(value, 'test')
  return wire instanceof Packed ? Buffer.from(wire.bytes).toString('latin1') : inspect(wire)
}
const snapshotOf = (entries: Iterable<[string, Wire]>, read: (wire: Wire) => unknown): Snapshot =>
  Object.fromEntries([...entries].map(([key, wire]): [string, string] => [key, bytesOf(read(wire))]).sort())

interface Outcome {
  result?: string
  threw?: string
  state: Snapshot
}

/** What a program does to a plain object; each key's value is data of its own, before and after. */
function expected(values: Iterable<[string, Wire]>, before: Snapshot, instructions: Program): Outcome {
  const state: State = Object.fromEntries([...values].map(([key, wire]) => [key, fromWire(wire)]))
  try {
    const result = bytesOf(run(state, instructions, { clone: value => structuredClone(value) }))
    return { result, state: snapshotOf(Object.entries(state) as [string, Wire][], value => value) }
  } catch (error) {
    return { threw: (error as Error).name, state: before }
  }
}

function actual(space: Namespace, instructions: Program): Omit<Outcome, 'state'> {
  const fn = (state: object) => run(state as State, instructions, { clone: cloning })
  try {
    const wire = runAtomic(space, author, fn, fn)
    return { result: bytesOf(fromWire(wire)) }
  } catch (error) {
    return { threw: (error as Error).name }
  }
}

/** Throws where the draft, a reader of the log or its history has something else than the plain object. Gives how many programs ran. */
function check({ kind, programs, readers }: Session): number {
  const space = new Namespace('fuzz', 1000)
  for (const [key, value] of Object.entries(beginning(kind)))
    space.commit(author, 'set', [change(key, slot(space.values, key), toWire(value, 'test'))])
  const first = space.revision
  const cursor = new Cursor(first)
  cursor.values = new Map(decode(encode([...space.values])) as Entry[])
  const states = [snapshotOf(space.values, fromWire)]
  for (const [i, instructions] of programs.entries()) {
    const before = states[states.length - 1] as Snapshot
    const want = expected(copyOf(space.values), before, instructions)
    const { revision } = space
    const { state, ...outcome } = want
    assert.deepEqual(actual(space, instructions), outcome, 'its outcome')
    const reader = readers[i] ?? 0
    if (reader & 1) assert.deepEqual(snapshotOf(space.values, fromWire), state, 'the state')
    if (reader & 2) for (const wire of space.values.values()) frozenFromWire(wire)
    if (space.revision === revision) assert.deepEqual(before, state, 'the state, of which there is no commit')
    else {
      const { identical } = space.at(space.revision)
      assert.equal(identical, isSame(before, state), 'whether nothing differs')
      move(cursor, wireCommit(space.at(space.revision)), before, state, reader)
      states.push(state)
    }
    if (JSON.stringify(state).length > BYTES) break
  }
  assert.deepEqual(snapshotOf(space.values, fromWire), states.at(-1), 'the state at the end')
  for (const [i, state] of states.entries())
    assertSame(
      snapshotOf(new Map(finished(stateAt(space, first + i))?.flat()), fromWire),
      state,
      `the state ${i} commits later`,
    )
  assert.deepEqual(snapshotOf(space.values, fromWire), states.at(-1), 'the state after all')
  return programs.length
}

/** A reader takes a commit: what it has before and after is what was there. */
function move(cursor: Cursor, commit: WireCommit, before: Snapshot, after: Snapshot, reader: number): void {
  const old: Values = new Map(cursor.values)
  const update = cursor.move(decode(encode(commit)) as WireCommit, (reader & 4) !== 0)
  if (update.beforeSnapshot)
    assert.deepEqual(
      snapshotOf(Object.entries(update.beforeSnapshot) as Entry[], value => value),
      before,
      'before',
    )
  if (reader & 8)
    assert.deepEqual(
      snapshotOf(Object.entries(cursor.snapshot()) as Entry[], v => v),
      after,
      'after',
    )
  if (reader & 1) assertSame(snapshotOf(old, fromWire), before, 'what the reader had')
  assert.deepEqual(snapshotOf(cursor.values, fromWire), after, 'what the reader has')
}

// Going back, a field that was deleted comes behind the others.
function assertSame(actual: Snapshot, expected: Snapshot, what: string): void {
  if (!isSame(actual, expected)) assert.deepEqual(actual, expected, what)
}

// What is read of the namespace must not be what decides how it is changed.
const copyOf = (values: Values): Entry[] => decode(encode([...values])) as Entry[]

/** Whether two states are equal as values, in which the order of fields and what is shared are of no account. */
function isSame(before: Snapshot, after: Snapshot): boolean {
  const keys = Object.keys(before)
  if (keys.length !== Object.keys(after).length) return false
  return keys.every(key => key in after && equal(before[key] as string, after[key] as string))
}

function equal(one: string, other: string): boolean {
  if (one === other) return true
  const wires = [one, other].map(text => new Packed(Buffer.from(text, 'latin1')))
  try {
    return (wires[0] as Packed).equals(wires[1] as Packed)
  } catch {
    return false
  }
}

/** Checks so many programs, made from seeds beginning with this one. What fails is told at its least. */
export function checkPrograms(count: number, seed: number): void {
  for (let ran = 0; ran < count; seed++) {
    const made = session(seed)
    try {
      ran += check(made)
    } catch (error) {
      throw explained(seed, shrunk(made), error)
    }
  }
}

function explained(seed: number, least: Session, error: unknown): unknown {
  try {
    check(least)
  } catch (cause) {
    const said = inspect(least, { depth: 9, compact: true, breakLength: 200 })
    return new Error(`seed ${seed}, at its least ${said}: ${(cause as Error).message}`, { cause })
  }
  return error
}

/** The session with about as little in it as still fails. */
function shrunk(failing: Session): Session {
  let best = failing
  let tries = 5000
  for (let again = true; again; ) {
    again = false
    for (const candidate of smaller(best)) {
      if (--tries < 0) return best
      if (passes(candidate)) continue
      best = candidate
      again = true
      break
    }
  }
  return best
}

function passes(session: Session): boolean {
  try {
    check(session)
    return true
  } catch {
    return false
  }
}

function* smaller({ kind, programs, readers }: Session): Generator<Session> {
  const without = <T>(all: T[], at: number) => all.filter((_, i) => i !== at)
  for (let i = 0; i < programs.length; i++)
    if (programs.length > 1) yield { kind, programs: without(programs, i), readers: without(readers, i) }
  for (const [i, program] of programs.entries())
    for (let j = 0; j < program.length; j++)
      if (program.length > 1) yield { kind, programs: programs.with(i, without(program, j)), readers }
  for (const [i, reader] of readers.entries())
    if (reader !== 0) yield { kind, programs, readers: readers.with(i, 0) }
  for (const [i, program] of programs.entries())
    for (const [j, [what, ...rest]] of program.entries())
      for (const [k, number] of rest.entries())
        for (const less of [0, number >> 1, number - 1])
          if (less >= 0 && less < number) {
            const [a, b, c] = rest.with(k, less) as [number, number, number]
            yield { kind, programs: programs.with(i, program.with(j, [what, a, b, c])), readers }
          }
}
