import { guard, guarded } from './guard/guard.ts'
import { contained, mayLeave } from './guard/leftovers.ts'
import { reviveWith } from './revive.ts'
import { hashOf, type Shipped, ship, unchanged } from './ship.ts'
import type { AnyFunction } from './shipment.ts'

export { firstLook, isRunning, runWithin } from './guard/guard.ts'
export { contained, originOf } from './guard/leftovers.ts'
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
 * imported first. What is in its loops is checked against the time; a straight line is not. What it leaves behind when it
 * returns ends nothing: see leftovers.ts. `written` is told where its text is, as `file:line`, once that is known.
 */
export function reviveAtomic(
  bytes: Uint8Array,
  written: (place: string) => void = () => {},
): AnyFunction | Promise<AnyFunction> {
  let isRoot = true
  let leaves = false
  const revived = reviveWith(bytes, {
    guard,
    seen: node => {
      leaves ||= mayLeave(node)
    },
    edit: code => {
      if (isRoot) written(`${(code.file ?? code.from).replace(/^file:\/\//, '')}:${code.line + 1}`)
      const text = guarded(code, isRoot)
      isRoot = false
      return text
    },
  })
  const whole = (fn: AnyFunction) => (leaves ? contained(fn) : fn)
  return revived instanceof Promise ? revived.then(whole) : whole(revived)
}
