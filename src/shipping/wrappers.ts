import type { AnyFunction } from './shipment.ts'

/**
 * `atomic(fn)` gives a function that talks to a server; what can be sent is `fn`. The wrapper
 * carries it under a symbol, and the other side wraps it again with what `Wrappers` has for the name.
 */
export type Wrap = (inner: never) => unknown

/** How each wrapper is loaded in a process that gets one: a module that is large is loaded where it is needed alone. */
export type Wrappers = Record<'atomic', () => Promise<Wrap>>

/** The function inside a wrapper. */
export function wrapped(value: object): { name: 'atomic'; inner: AnyFunction } | undefined {
  const inner: unknown = Object.getOwnPropertyDescriptor(value, Symbol.for('zproc.atomic'))?.value
  return typeof inner === 'function' ? { name: 'atomic', inner } : undefined
}
