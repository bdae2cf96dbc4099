import { AsyncResource } from 'node:async_hooks'
import { Ask } from '../../protocol/kinds-of-requests.ts'
import type { Entry, WireLease } from '../../protocol/messages.ts'
import { fromWire, Packed, type Wire } from '../../protocol/values.ts'
import { runWithin } from '../../shipping/atomic.ts'
import type { AtomicFunction } from '../../shipping/compiled.ts'
import { ABSENT, type Author, type Change, change, type Slot, type Values } from '../../store/commit.ts'
import { writes } from '../../store/methods.ts'
import type { Namespace } from '../../store/namespace.ts'
import { runAtomic } from '../../store/run-atomic.ts'
import { asAtomic } from '../../tracing/atomic.ts'
import type { Presence } from './presence.ts'

/** A dict method's kind of message, and what that says. */
export interface BlindCall {
  kind: number
  first: unknown
  second: unknown
  lease: WireLease | undefined
}

const EMPTY: Values = new Map()

/** What it does. What was there before is not known, and not needed. */
export function changesOf({ kind, first, second }: BlindCall): Change[] {
  const put = (key: string, value: unknown) => change(key, ABSENT, owned(value as Wire))
  if (kind === Ask.set) return [put(first as string, second)]
  const puts = kind === Ask.clear ? [] : (first as Entry[]).map(([key, value]) => put(key, value))
  return kind === Ask.update ? puts : [{ key: null, before: EMPTY }, ...puts]
}

// What is a view on a larger frame would keep that.
const owned = (value: Wire): Wire => (value instanceof Packed ? value.own() : value)

/** One call that may change the state, on its way. */
export interface Write {
  readonly id: number
  readonly author: Author
  /** Commits whatever the state is: nothing needs to be read for it. */
  readonly blind: BlindCall | undefined
  /** It reads which keys there are, as far as that is known before it runs. */
  readonly readsAll: boolean
  /** Whether it did, when it ran. */
  hasRead(all: boolean): void
  /** Nothing else may be committed together with it. */
  readonly alone: boolean
  /** What the key that it puts is to be tied to, and whose session that may be. */
  readonly lease?: WireLease | undefined
  readonly presence?: Presence | undefined
  /** About how large it is. */
  readonly bytes: number
  /** What it has to wait for before it can run. */
  readonly ready: Promise<unknown> | undefined
  /** Makes its commit, or none, and gives the call's result. */
  run(space: Namespace): Slot | Entry
}

type Method = (space: Namespace, author: Author, ...args: unknown[]) => Slot | Entry

const BLIND = new Set<number>([Ask.set, Ask.replace, Ask.update, Ask.clear])

/** A dict method. */
export class DictWrite implements Write {
  readonly id: number
  readonly author: Author
  readonly blind: Write['blind']
  readonly alone: boolean
  readonly readsAll: boolean
  readonly bytes: number
  readonly ready = undefined
  readonly lease: WireLease | undefined
  readonly presence: Presence
  readonly #args: BlindCall

  constructor(
    id: number,
    author: Author,
    kind: number,
    first: unknown,
    second: unknown,
    lease: WireLease | undefined,
    presence: Presence,
  ) {
    this.id = id
    this.author = author
    this.#args = { kind, first, second, lease }
    this.blind = BLIND.has(kind) ? this.#args : undefined
    // What the newest key is, is known of a state that nothing was done to yet.
    this.bytes = Array.isArray(first)
      ? first.reduce((sum: number, [, value]: Entry) => sum + bytesOf(value), 0)
      : bytesOf(second)
    this.lease = lease
    this.presence = presence
    // Of an ephemeral key it has to be known that its session lasts.
    this.readsAll = kind === Ask.popItem
    this.alone = kind === Ask.popItem || lease?.[0] === true
  }

  hasRead(): void {}

  run(space: Namespace): Slot | Entry {
    const { kind, first, second, lease } = this.#args
    return (writes[kind] as unknown as Method)(space, this.author, first, second, lease)
  }
}

// A function that has read which keys there are is taken to do so the next time.
const readers = new WeakSet<AtomicFunction>()

/** An atomic function. It may run several times: the one that finds the state as it still is counts. */
export class AtomicWrite implements Write {
  readonly id: number
  readonly author: Author
  readonly blind = undefined
  readonly alone = false
  readonly bytes = 0
  ready: Promise<unknown> | undefined
  #fn: AtomicFunction | undefined
  readonly #args: Wire[]
  readonly #timeout: number
  // The function runs in the caller's process, and so in the async context of the call.
  readonly #caller = new AsyncResource('zproc')

  constructor(
    id: number,
    author: Author,
    fn: AtomicFunction | Promise<AtomicFunction>,
    args: Wire[],
    timeout: number,
  ) {
    this.id = id
    this.author = author
    this.#args = args
    this.#timeout = timeout
    if (typeof fn === 'function') this.#fn = fn
    else
      this.ready = fn.then(loaded => {
        this.#fn = loaded
        this.ready = undefined
      })
  }

  get readsAll(): boolean {
    return this.#fn !== undefined && readers.has(this.#fn)
  }

  hasRead(all: boolean): void {
    if (all) readers.add(this.#fn as AtomicFunction)
    else readers.delete(this.#fn as AtomicFunction)
  }

  run(space: Namespace): Slot {
    const fn = this.#fn as AtomicFunction
    const run = () =>
      runAtomic(space, this.author, fn, state =>
        runWithin(this.#timeout, fn, state, ...this.#args.map(fromWire)),
      )
    return this.#caller.runInAsyncScope(() => asAtomic(fn, space.name, undefined, run))
  }
}

const bytesOf = (value: unknown): number => (value instanceof Packed ? value.bytes.length : 9)
