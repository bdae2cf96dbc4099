import { inspect } from 'node:util'
import type { LiveTree } from '../protocol/live-tree.ts'
import { step } from '../protocol/value-path.ts'

/** What a part asks of the draft that it belongs to. */
export interface Whole {
  /** Throws when the function has ended. */
  checkReading(): void
  /** Throws when nothing may be written any more. */
  checkWriting(): void
  /** The part that stands for `base`, held by `holder` at `key` (for a list: where it was in the list as it was). */
  open(base: object, holder: Part, key: string | number): object
  /** A part is written for the first time. */
  dirty(part: Part): void
  /** Whether the part is still the value of its key. */
  holdsRoot(part: Part): boolean
  /** An error about the part at this path. */
  refuse(path: string, why: string): TypeError
}

const PART = Symbol('part')

/**
 * One object or list of the state, as a function sees it: what it was, and what was written over that. It is the handler of its
 * own proxy. A part that is put elsewhere is the same part; what it was put into holds the proxy, as it holds any other value.
 */
export abstract class Part<T extends object = object> implements ProxyHandler<T> {
  readonly whole: Whole
  readonly tree: LiveTree
  readonly base: T
  /** Undefined: it is the value of the key of the state. */
  readonly holder: Part | undefined
  /** The key by which the holder had it; for an element, its last known index. */
  key: string | number
  readonly proxy: T
  isDirty = false

  constructor(
    whole: Whole,
    tree: LiveTree,
    base: T,
    holder: Part | undefined,
    key: string | number,
    target: T,
  ) {
    this.whole = whole
    this.tree = tree
    this.base = base
    this.holder = holder
    this.key = key
    this.proxy = new Proxy(target, this)
  }

  /** Where a part of it is now; undefined: it was taken away, or replaced. */
  abstract keyOf(part: Part): string | number | undefined
  /** Whether its elements are not where they were. */
  abstract readonly isMoved: boolean
  /** Whether it differs from what it was; for one that is where it was, in what its holders are. */
  abstract differs(): boolean
  abstract plain(): unknown

  /** The way to it from the value of its key; undefined: it is not there any more. */
  place(): (string | number)[] | undefined {
    const path: (string | number)[] = []
    let at: Part = this
    for (; at.holder; at = at.holder) {
      const key = at.holder.keyOf(at)
      if (key === undefined) return undefined
      path.push(key)
    }
    return this.whole.holdsRoot(at) ? path.reverse() : undefined
  }

  /** The part that is the value of a key, from which this one was reached. */
  get root(): Part {
    let at: Part = this
    while (at.holder) at = at.holder
    return at
  }

  /** As it is named in messages: by the way on which it was reached. */
  get path(): string {
    return this.holder ? this.holder.path + step(this.holder.base, this.key) : `${this.key}`
  }

  protected writing(): void {
    this.whole.checkWriting()
    if (this.isDirty) return
    this.isDirty = true
    this.whole.dirty(this)
  }

  /** What it gives for a symbol. */
  protected symbol(symbol: symbol, prototype: object): unknown {
    return symbol === PART ? this : Reflect.get(prototype, symbol)
  }

  protected refuseKey(key: string | symbol): TypeError {
    const why =
      typeof key === 'symbol'
        ? `cannot have a symbol as a key: ${String(key)}; use text`
        : `cannot have '${key}' as a key: choose another`
    return this.whole.refuse(this.path, why)
  }

  /** What a descriptor says of a field that is, or is not, there. Anything but a plain field is refused. */
  protected described(key: string | symbol, descriptor: PropertyDescriptor, isThere: boolean): unknown {
    if (typeof key === 'symbol' || key === '__proto__') throw this.refuseKey(key)
    const { writable = isThere, enumerable = isThere, configurable = isThere } = descriptor
    if (descriptor.get || descriptor.set || !writable || !enumerable || !configurable)
      throw this.whole.refuse(
        this.path + step(this.base, key),
        'can only be a plain field (writable, enumerable, configurable): assign its value',
      )
    return descriptor.value
  }

  preventExtensions(): never {
    throw this.whole.refuse(
      this.path,
      'cannot be frozen or sealed: freeze a copy, such as { ...part } or [...part]',
    )
  }
}

/** The part whose proxy this is. */
export function partOf(value: unknown): Part | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const part: unknown = (value as { [PART]?: unknown })[PART]
  return part instanceof Part && part.proxy === value ? part : undefined
}

/** Prints a part as the value that it is: what prints looks past proxies, at their targets. */
export const printed = {
  [inspect.custom](this: object): unknown {
    return partOf(this)?.plain() ?? this
  },
}
