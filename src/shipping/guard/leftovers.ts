import { AsyncLocalStorage } from 'node:async_hooks'
import { inspect } from 'node:util'
import { after, microtask } from '../../async/interval.ts'
import type { AnyFunction, Node } from '../shipment.ts'

// A plain atomic function is over when it returns. What it has begun besides (a promise, a timer, a callback) may fail later,
// in the process of everybody's state, and would end it. Node tells such failures to listeners that are the program's own;
// of those failures that come from an atomic function, which its asynchronous context shows, they hear nothing.
const context = new AsyncLocalStorage<string>()
let isListening = false

/** The name of the atomic function that has begun what runs now, if one has. */
export const originOf = (): string | undefined => context.getStore()

/** `fn`, whose failures after its return are reported with its name, and end nothing. */
export function contained(fn: AnyFunction): (...args: unknown[]) => unknown {
  listen()
  const { name } = fn
  const inContext = (...args: unknown[]): unknown =>
    context.run(name, () => Reflect.apply(fn, undefined, args))
  return Object.defineProperty(inContext, 'name', { value: name })
}

/** For functions that are contained: Node 20 forgets the context of the one that `queueMicrotask` was given. */
export function containedMicrotask(act: () => void): void {
  const name = originOf()
  if (name === undefined || typeof act !== 'function') return microtask(act)
  microtask(() => {
    try {
      act()
    } catch (error) {
      report(name, error)
    }
  })
}

function listen(): void {
  if (isListening) return
  isListening = true
  // A listener would not do: where there is one, Node does not end a program of which another part has failed.
  const { emit } = process
  const heard = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event === 'unhandledRejection' || event === 'uncaughtException') {
      const name = originOf()
      if (name !== undefined) return report(name, args[0])
    }
    return Reflect.apply(emit, process, [event, ...args])
  }
  process.emit = heard as typeof process.emit
}

// Milliseconds in which what one function has left is reported once.
const QUIET = 1000
const reported = new Map<string, number>()

function report(name: string, error: unknown): true {
  const count = reported.get(name)
  if (count !== undefined) {
    reported.set(name, count + 1)
    return true
  }
  reported.set(name, 0)
  const what = `zproc: what the atomic function ${name || '(anonymous)'} has left behind`
  console.error(`${what} failed, which changes nothing: ${text(error)}`)
  after(QUIET, () => {
    const more = reported.get(name) ?? 0
    reported.delete(name)
    if (more > 0) console.error(`${what} failed ${more} more times`)
  })?.unref()
  return true
}

function text(error: unknown): string {
  try {
    return inspect(error)
  } catch {
    return 'it cannot be examined'
  }
}

/** Globals with which nothing can be left behind. */
const HARMLESS = new Set(
  (
    'Object Array Number parseFloat parseInt Infinity NaN undefined Boolean String Symbol Date Error AggregateError ' +
    'EvalError RangeError ReferenceError SyntaxError TypeError URIError JSON Math Intl ArrayBuffer Uint8Array Int8Array ' +
    'Uint16Array Int16Array Uint32Array Int32Array Float32Array Float64Array Uint8ClampedArray BigUint64Array ' +
    'BigInt64Array DataView Map BigInt Set WeakMap WeakSet WeakRef RegExp decodeURI decodeURIComponent encodeURI ' +
    'encodeURIComponent escape unescape isFinite isNaN console structuredClone Buffer URL URLSearchParams TextEncoder ' +
    'TextDecoder atob btoa'
  ).split(' '),
)
const HARMFUL = new Set([
  ...Object.getOwnPropertyNames(globalThis).filter(name => !HARMLESS.has(name)),
  ...['async', 'await', 'import', 'require', 'module', 'constructor', 'fromAsync'],
])
const WORD = /[\p{ID_Start}$_][\p{ID_Continue}$]*/gu

/** Whether a function of which this is a part may leave something behind: of most, their text shows that they cannot. */
export function mayLeave(node: Node): boolean {
  switch (node.kind) {
    case 'import':
    case 'require':
    case 'requirer':
    case 'builtin':
    case 'live':
      return true
    case 'global':
      return !HARMLESS.has(node.path[0] ?? '') || node.path.includes('constructor')
    case 'function':
      return node.source.includes('\\u') || node.source.match(WORD)?.some(word => HARMFUL.has(word)) === true
    default:
      return false
  }
}
