import type { AnyFunction } from './shipment.ts'

/**
 * `atomic(fn)` gives a function that talks to a server; what can be sent is `fn`. The wrapper
 * carries it under a symbol, and the other side wraps it again with what was registered there.
 */
export function registerWrapper(name: 'atomic', wrap: (inner: never) => unknown): void {
  wraps.set(name, wrap)
}

/** The function inside a wrapper. */
export function wrapped(value: object): { name: 'atomic'; inner: AnyFunction } | undefined {
  const inner: unknown = Object.getOwnPropertyDescriptor(value, Symbol.for('zproc.atomic'))?.value
  return typeof inner === 'function' ? { name: 'atomic', inner } : undefined
}

export function wrapAgain(name: string, inner: unknown): unknown {
  const wrap = wraps.get(name)
  if (!wrap) throw new Error(`\`${name}\` is not loaded in this process`)
  // A registered wrapper takes the kind of function that was wrapped before it was sent.
  return wrap(inner as never)
}

const wraps = new Map<string, (inner: never) => unknown>()
