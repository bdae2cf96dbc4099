import { types } from 'node:util'
import { toWire, type Wire } from '../protocol/values.ts'
import { type Author, type Change, changeFromWire } from './commit.ts'
import { Draft } from './draft.ts'
import type { Namespace } from './namespace.ts'

/**
 * Lets `run`, which calls `fn`, change the state, and commits what it did; gives what it returned. If it throws, nothing
 * has changed.
 */
export function runAtomic(
  space: Namespace,
  author: Author,
  fn: { name: string },
  run: (state: object) => unknown,
): Wire {
  const call = callOf(fn)
  const draft = new Draft(space.values, call)
  let result: unknown
  try {
    result = run(draft.state)
  } catch (error) {
    throw draft.explained(error)
  }
  refusePromise(result, call)
  const wire = toWire(result, call, 'result')
  const { changes, identical } = draft.changes(space.values)
  if (changes.length > 0) {
    const made: Change[] = []
    for (const wire of changes) made.push(changeFromWire(space.values, wire))
    space.commit(author, 'atomic', made, identical)
  }
  return wire
}

/** Throws, if a function that is to be over when it returns gave a promise. */
export function refusePromise(result: unknown, call: string): void {
  if (typeof result !== 'object' || !types.isPromise(result)) return
  // The error that the caller gets is enough: a rejection of the promise besides would end the process.
  Reflect.apply(Promise.prototype.then, result, [undefined, () => {}])
  throw new TypeError(`${call} returned a promise: declare it async, so that it runs in the caller`)
}

// To ask a function for its name takes as long as to run a small one.
const calls = new WeakMap<object, string>()

function callOf(fn: { name: string }): string {
  let call = calls.get(fn)
  if (call === undefined) {
    call = `atomic function ${fn.name || '(anonymous)'}`
    calls.set(fn, call)
  }
  return call
}
