import { AtomicTimeoutError } from '../errors.ts'
import { Ask, type ClientMessage, type Grant, type ServerMessage, Tell } from '../protocol/messages.ts'
import { describe, fromWire, toWire, type Wire } from '../protocol/values.ts'
import { ATOMIC, shipAtomic } from '../shipping/atomic.ts'
import { wireChange } from '../store/commit.ts'
import { Draft as StateDraft } from '../store/draft.ts'
import { result } from '../store/store.ts'
import { wireBytes } from './arguments.ts'
import { holding } from './holding.ts'
import type { Link } from './link.ts'
import { linkOf, type State } from './state.ts'
import type { Draft } from './types.ts'

// Functions that one connection keeps numbers for; the number of the oldest is used again.
const NUMBERED = 1000

const NONE: Wire[] = []

type Plain = (state: object, ...args: unknown[]) => unknown

/**
 * Makes an atomic operation of a function: it gets the whole state as a plain object, to be changed freely, and is
 * one commit, or none if it throws. A plain function runs at the server. An `async` one runs here, while it alone
 * may write to the namespace, for the server's `atomicTimeout` at most.
 *
 *     const increment = atomic((state: { count: number }, step: number) => (state.count += step))
 *     await increment(ctx.state, 5)
 */
export function atomic<S extends object, A extends unknown[], R>(
  fn: (state: Draft<S>, ...args: A) => R,
): (state: State<S>, ...args: A) => Promise<Awaited<R>> {
  if (typeof fn !== 'function') throw new TypeError(`atomic: a function is needed, got ${describe(fn)}`)
  const name = fn.name || '(anonymous)'
  const call = `atomic function ${name}`
  const run = Object.prototype.toString.call(fn) === '[object AsyncFunction]' ? runHere : runAtServer
  const wrapper = (state: State<S>, ...args: A): Promise<Awaited<R>> => {
    try {
      const link = linkOf(state as unknown as State<object>, call)
      link.check()
      return run(fn as unknown as Plain, call, link, args) as Promise<Awaited<R>>
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
}

function runAtServer(fn: Plain, call: string, link: Link, args: unknown[]): Promise<unknown> {
  const { hash, bytes } = shipAtomic(fn)
  const wires = args.length === 0 ? NONE : args.map((arg, i) => toWire(arg, call, `argument ${i + 1}`))
  const number = link.connection.functions.get(hash) ?? define(link, hash, bytes)
  return ask({ fn, call, link, args: wires }, number)
}

function ask(asked: Call, number: number): Promise<unknown> {
  const { call, link, args } = asked
  let size = 0
  for (const arg of args) size += wireBytes(arg)
  return link.request(call, [Ask.atomic, 0, link.state, number, args], done, asked, size)
}

const done = (message: ServerMessage, asked: unknown): unknown => {
  const { fn, link } = asked as Call
  if (message[0] === Tell.runHere) {
    const { call, args } = asked as Call
    return runHere(fn, call, link, args.map(fromWire))
  }
  if (message[0] === Tell.unknownFunction) {
    // The server had forgotten the function: it is said again.
    const { hash, bytes } = shipAtomic(fn)
    return ask(asked as Call, define(link, hash, bytes))
  }
  link.committed(message)
  return fromWire((message as [number, number, number, Wire])[3])
}

/** Gives the server the function, and the number to call it by. */
function define(link: Link, hash: string, bytes: Uint8Array): number {
  const { functions } = link.connection
  const known = functions.get(hash)
  let number = known ?? functions.size + 1
  if (known === undefined && functions.size >= NUMBERED) {
    const [oldest, free] = functions.entries().next().value as [string, number]
    functions.delete(oldest)
    number = free
  }
  functions.set(hash, number)
  link.connection.send([Ask.define, number, hash, bytes], bytes.length)
  return number
}

async function runHere(fn: Plain, call: string, link: Link, args: unknown[]): Promise<unknown> {
  const data = args.map((arg, i) => fromWire(toWire(arg, call, `argument ${i + 1}`)))
  const release = (hold: number, changes: (ClientMessage & { 0: typeof Ask.release })[4]) =>
    link.request(call, [Ask.release, 0, link.state, hold, changes], message => link.committed(message))
  let waits = true
  const granted = link.request<Grant>(call, [Ask.hold, 0, link.state, call], (message, extra) => {
    const grant = result(message, extra) as Grant
    // A signal interrupted the waiting for it: nobody is there any more to use it.
    if (!waits) release(grant[0], null).catch(() => {})
    return grant
  })
  const [hold, , entries] = await granted.finally(() => {
    waits = false
  })
  const { holds } = link.connection
  const ended = new Promise<never>((_, reject) => {
    holds.set(hold, why => {
      holds.delete(hold)
      reject(
        why instanceof Error
          ? why
          : new AtomicTimeoutError(`${call} held its namespace for over ${why} ms; nothing was changed`),
      )
    })
  })
  ended.catch(() => {})
  try {
    const draft = new StateDraft(new Map(entries), call)
    const run = holding(link, async () => fn(draft.state, ...data))
    let value: unknown
    let changes: ReturnType<StateDraft['changes']>['changes']
    try {
      // As it crosses for a plain function: data, and no part of the draft.
      value = fromWire(toWire(await Promise.race([run, ended]), call, 'result'))
      ;({ changes } = draft.changes())
    } catch (error) {
      if (holds.has(hold)) await release(hold, null).catch(() => {})
      throw error
    }
    await release(hold, changes.length > 0 ? changes.map(wireChange) : null)
    return value
  } finally {
    holds.delete(hold)
  }
}
