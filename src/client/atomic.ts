import { AsyncResource } from 'node:async_hooks'
import { deferred } from '../async/deferred.ts'
import { AtomicTimeoutError, ValueTooLargeError } from '../errors.ts'
import { Ask } from '../protocol/kinds-of-requests.ts'
import {
  type ClientMessage,
  type Grant,
  NUMBERED,
  type ServerMessage,
  Tell,
  type WireChange,
} from '../protocol/messages.ts'
import { describe, fromWire, toWire, type Wire } from '../protocol/values.ts'
import { ATOMIC, contained, shipAtomic } from '../shipping/atomic.ts'
import type { Values } from '../store/commit.ts'
import { Draft as StateDraft } from '../store/draft.ts'
import { refusePromise } from '../store/run-atomic.ts'
import { result } from '../store/store.ts'
import { asAtomic } from '../tracing/atomic.ts'
import { inject, traceToWire } from '../tracing/carried.ts'
import { commands, isTraced, trace } from '../tracing/channels.ts'
import { holding } from './holding.ts'
import type { Link } from './link.ts'
import { linkOf, type State } from './state.ts'
import { commandOf } from './traced.ts'
import type { Draft } from './types.ts'

// The code of a function that is larger goes when the server asks for it, so that it is known not to be there already.
const SMALL = 32 << 10

const NONE: Wire[] = []

type Plain = (state: object, ...args: unknown[]) => unknown

/**
 * Makes an atomic operation of a function: it gets the whole state as a plain object, may change it, and is one commit, or
 * none if it throws. A plain function runs at the server, in one round trip. An `async` one runs in the calling process,
 * which alone may write to the namespace meanwhile, for the server's `atomicTimeout` (default 1000 ms) at most.
 *
 *     const increment = atomic((state: { count: number }, step: number) => (state.count += step))
 *     await increment(ctx.state, 5)
 *
 * A call rejects with what the function throws; `ZPROC_ATOMIC_TIMEOUT` when it takes too long; `ZPROC_SHIPPING` when it uses
 * what cannot be sent; and with the errors of a State's methods.
 */
export function atomic<S extends object, A extends unknown[], R>(
  fn: (state: Draft<S>, ...args: A) => R,
): (state: State<S>, ...args: A) => Promise<Awaited<R>> {
  if (typeof fn !== 'function') throw new TypeError(`atomic: a function is needed, got ${describe(fn)}`)
  const name = fn.name || '(anonymous)'
  const call = `atomic function ${name}`
  const run = Object.prototype.toString.call(fn) === '[object AsyncFunction]' ? runHere : runAtServer
  const plain = fn as unknown as Plain
  const asCommand: typeof run = (plain, call, link, args) =>
    trace(commands, commandOf(link, 'atomic', [], name), () => run(plain, call, link, args))
  const wrapper = (state: State<S>, ...args: A): Promise<Awaited<R>> => {
    try {
      const link = linkOf(state as unknown as State<object>, call)
      link.check()
      const called = isTraced(commands) ? asCommand(plain, call, link, args) : run(plain, call, link, args)
      return called as Promise<Awaited<R>>
    } catch (error) {
      return Promise.reject(error)
    }
  }
  Object.defineProperty(wrapper, 'name', { value: fn.name })
  Object.defineProperty(wrapper, ATOMIC, { value: fn })
  return wrapper
}

interface Call {
  fn: Plain
  call: string
  link: Link
  args: Wire[]
  /** The async context of the call, while the function may have to run here; a server that runs functions needs none. */
  caller: AsyncResource | undefined
}

function runAtServer(fn: Plain, call: string, link: Link, args: unknown[]): Promise<unknown> {
  const { hash, bytes } = shipAtomic(fn)
  const wires = args.length === 0 ? NONE : args.map((arg, i) => toWire(arg, call, `argument ${i + 1}`))
  const number = link.connection.functions.get(hash) ?? define(link, hash, bytes)
  const caller = link.runsCode ? undefined : new AsyncResource('zproc')
  return ask({ fn, call, link, args: wires, caller }, number)
}

function ask(asked: Call, number: number): Promise<unknown> {
  const { call, link, args } = asked
  const carried = inject()
  const message: ClientMessage = carried
    ? [Ask.atomic, 0, link.state, number, args, 1, traceToWire(carried)]
    : [Ask.atomic, 0, link.state, number, args]
  return link.request(call, message, done, asked)
}

const done = (message: ServerMessage, asked: unknown): unknown => {
  const { fn, link } = asked as Call
  if (message[0] === Tell.runHere) {
    const { call, args, caller } = asked as Call
    link.runsCode = false
    const inContext = contained(fn)
    const run: Plain = (...given) => {
      const value: unknown = inContext(...given)
      refusePromise(value, call)
      return value
    }
    const begin = () => runHere(run, call, link, args.map(fromWire))
    return caller ? caller.runInAsyncScope(begin) : begin()
  }
  if (message[0] === Tell.unknownFunction) return shipAtomic(fn)
  link.runsCode = true
  link.committed(message)
  return fromWire((message as [number, number, number, Wire])[3])
}

/** Gives the server the function, and the number to call it by. */
function define(link: Link, hash: string, bytes: Uint8Array): number {
  const { functions } = link.connection
  const number = link.connection.number()
  functions.set(hash, number)
  if (functions.size > NUMBERED) functions.delete(functions.keys().next().value as string)
  link.connection.send([Ask.define, number, hash, bytes.length > SMALL ? null : bytes])
  return number
}

async function runHere(fn: Plain, call: string, link: Link, args: unknown[]): Promise<unknown> {
  const data = args.map((arg, i) => fromWire(toWire(arg, call, `argument ${i + 1}`)))
  const release = (hold: number, changes: (ClientMessage & { 0: typeof Ask.release })[4]) =>
    link.request(call, [Ask.release, 0, link.state, hold, changes], message => link.committed(message))
  const { holds } = link.connection
  const ended = deferred<never>()
  ended.promise.catch(() => {})
  let waits = true
  const granted = link.request<Grant>(call, [Ask.hold, 0, link.state, call], (message, extra) => {
    const grant = result(message, extra) as Grant
    const [hold] = grant
    // A signal interrupted the wait for it: it is not used.
    if (!waits) release(hold, null).catch(() => {})
    // At once: the message that it has ended may have arrived together with it.
    else
      holds.set(hold, why => {
        holds.delete(hold)
        ended.reject(
          why instanceof Error
            ? why
            : new AtomicTimeoutError(`${call} held its namespace for over ${why} ms; nothing was changed`),
        )
      })
    return grant
  })
  const [hold, , entries] = await granted.finally(() => {
    waits = false
  })
  try {
    const values: Values = new Map(entries)
    const draft = new StateDraft(values, call)
    const run = asAtomic(fn, link.namespace, undefined, () =>
      holding(link, async () => fn(draft.state, ...data)),
    )
    let value: unknown
    let changes: WireChange[]
    try {
      // As it crosses for a plain function: data, and no part of the draft.
      value = fromWire(toWire(await Promise.race([run, ended.promise]), call, 'result'))
      ;({ changes } = draft.changes(values))
    } catch (error) {
      if (holds.has(hold)) await release(hold, null).catch(() => {})
      throw draft.explained(error)
    }
    try {
      await release(hold, changes.length > 0 ? changes : null)
    } catch (error) {
      // Changes that are too large were not sent, and the hold is still there.
      if (error instanceof ValueTooLargeError && holds.has(hold)) await release(hold, null).catch(() => {})
      throw error
    }
    return value
  } finally {
    holds.delete(hold)
  }
}
