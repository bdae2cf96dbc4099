import assert from 'node:assert/strict'
import type { AnyState, State, WatchOptions } from 'zproc'

/** A one-shot watcher of conditions, its loop, and states for which it holds or not. */
export interface Condition {
  once: 'getWhen' | 'getWhenEqual' | 'getWhenNotEqual' | 'getWhenNone' | 'getWhenNotNone' | 'getWhenAvailable'
  loop: 'when' | 'whenEqual' | 'whenNotEqual' | 'whenNone' | 'whenNotNone' | 'whenAvailable'
  args: unknown[]
  holds: AnyState[]
  fails: AnyState[]
}

export const conditions: Condition[] = [
  {
    once: 'getWhen',
    loop: 'when',
    args: [(state: AnyState) => state.x > 3],
    holds: [{ x: 4 }, { x: 5 }, { x: 6 }],
    fails: [{ x: 1 }, {}, { x: 'no' }],
  },
  {
    once: 'getWhenEqual',
    loop: 'whenEqual',
    args: ['x', { list: [1, new Date(3)] }],
    holds: [
      { x: { list: [1, new Date(3)] } },
      { x: { list: [1, new Date(3)] }, y: 1 },
      { x: { list: [1, new Date(3)] }, y: 2 },
    ],
    fails: [{ x: { list: [1] } }, {}, { x: null }],
  },
  {
    once: 'getWhenNotEqual',
    loop: 'whenNotEqual',
    args: ['x', 5],
    holds: [{ x: 4 }, { x: '5' }, { y: 5 }],
    fails: [{ x: 5 }, { x: 5, y: 1 }, { x: 5, y: 2 }],
  },
  {
    once: 'getWhenNone',
    loop: 'whenNone',
    args: ['x'],
    holds: [{ x: null }, { x: undefined }, { y: 1 }],
    fails: [{ x: 0 }, { x: false }, { x: '' }],
  },
  {
    once: 'getWhenNotNone',
    loop: 'whenNotNone',
    args: ['x'],
    holds: [{ x: 0 }, { x: false }, { x: '' }],
    fails: [{ x: null }, { x: undefined }, { y: 1 }],
  },
  {
    once: 'getWhenAvailable',
    loop: 'whenAvailable',
    args: ['x'],
    holds: [{ x: null }, { x: undefined }, { x: 1 }],
    fails: [{}, { y: 1 }, { y: 2 }],
  },
]

type Once = (...args: unknown[]) => Promise<AnyState>
type Loop = (...args: unknown[]) => AsyncIterableIterator<AnyState>

/** Calls a condition's one-shot watcher. */
export function once(state: State, { once: name, args }: Condition, options: WatchOptions = {}) {
  return (state[name] as Once).call(state, ...args, options)
}

/** Calls a condition's loop. */
export function loop(state: State, { loop: name, args }: Condition, options: WatchOptions = {}) {
  return (state[name] as Loop).call(state, ...args, options)
}

/** The next `count` things that an iterator gives; it can be asked for more afterwards. */
export async function take<T>(iterator: AsyncIterator<T>, count: number): Promise<T[]> {
  const taken: T[] = []
  while (taken.length < count) {
    const { done, value } = await iterator.next()
    if (done) break
    taken.push(value)
  }
  return taken
}

/**
 * Asserts that a watcher has nothing to say of all that was committed before this call. The server answers each
 * connection in order, updates before replies: what these pings do not bring was not sent.
 */
export async function assertPending(
  promise: Promise<unknown>,
  ...states: { ping(): Promise<unknown> }[]
): Promise<void> {
  let settled = false
  promise.then(
    () => {
      settled = true
    },
    () => {
      settled = true
    },
  )
  for (let i = 0; i < 3; i++) for (const state of states) await state.ping()
  assert.equal(settled, false, 'the watcher was triggered')
}
