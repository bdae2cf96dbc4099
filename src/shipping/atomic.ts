import { guard, guarded } from './guard.ts'
import { reviveWith } from './revive.ts'
import { hashOf, type Shipped, ship, unchanged } from './ship.ts'
import type { AnyFunction } from './shipment.ts'

export { runWithin } from './guard.ts'
export { hashOf }

/** Under this, the function that `atomic(fn)` returns carries `fn`. */
export const ATOMIC = Symbol.for('zproc.atomic')

/** An atomic function for the server: by value, and checked like any function that is sent. */
export function shipAtomic(fn: AnyFunction): Shipped {
  // Asked for with each call: nothing is made for it that is not needed.
  return (
    unchanged(fn, 'atomic') ?? ship(fn, { call: `atomic(${fn.name || 'fn'})`, byValue: true, atomic: true })
  )
}

/**
 * The function, to be called inside `runWithin`; a promise of it only when modules have to be
 * imported first. What is in its loops is checked against the time; a straight line is not.
 */
export function reviveAtomic(bytes: Uint8Array): AnyFunction | Promise<AnyFunction> {
  let isRoot = true
  return reviveWith(bytes, {
    guard,
    edit: code => {
      const text = guarded(code, isRoot)
      isRoot = false
      return text
    },
  })
}
