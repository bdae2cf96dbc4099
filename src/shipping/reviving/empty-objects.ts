import type { Base, Node } from '../shipment.ts'

/** An object of a kind that only the engine makes; what has entries is still without them. */
export function begin(base: Base, given: () => unknown[]): object {
  switch (base) {
    case 'Object':
      return {}
    case 'Array':
      return []
    case 'Map':
      return new Map()
    case 'Set':
      return new Set()
    case 'Error': {
      const error = new Error()
      Reflect.deleteProperty(error, 'stack')
      return error
    }
    case 'WeakMap':
      return new WeakMap()
    case 'WeakSet':
      return new WeakSet()
    case 'Date':
      return new Date(given()[0] as number)
    case 'RegExp':
      return new RegExp(given()[0] as string, given()[1] as string)
    default:
      return Object(given()[0]) as object
  }
}

export function make({ name, argument }: Extract<Node, { kind: 'new' }>): unknown {
  if (name === 'URL') return new URL(argument)
  if (name === 'URLSearchParams') return new URLSearchParams(argument)
  return name === 'TextEncoder' ? new TextEncoder() : new TextDecoder(argument)
}

/** Whatever is done to it, nothing happens: it stands for counters of a coverage tool. */
export const SINK: unknown = new Proxy(() => {}, {
  get: (_, key) => (key === Symbol.toPrimitive ? () => 0 : key === Symbol.iterator ? emptyIterator : SINK),
  set: () => true,
  apply: () => SINK,
  has: () => true,
})
function* emptyIterator(): Generator<never> {}

/** Arguments for a constructor that is run for its private fields alone. */
export const ANYTHING: unknown[] = Array.from({ length: 8 }, () => SINK)
