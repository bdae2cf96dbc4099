import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { types } from 'node:util'
import { ShippingError } from '../../errors.ts'
import { className } from '../modules/builtins.ts'
import { originOf } from '../source/original-lines.ts'
import type { Script } from '../source/parsed.ts'
import { placeOf } from '../source/positions.ts'
import { importAdvice } from './importable.ts'
import type { Trail } from './trail.ts'

/** The error for something that cannot be sent: which, by what way, where, and what to do instead. */
export function refusal(call: string, trail: Trail, what: string, advice: string): ShippingError {
  return refused(trail, `${call}: ${chain(trail)}, ${what}${placeOn(trail)}. ${advice}`)
}

/** The same for something that the function does, rather than for a value that it uses. */
export function misuse(call: string, trail: Trail, what: string, advice: string): ShippingError {
  const which = trail.up ? ', which' : ''
  return refused(trail, `${call}: ${chain(trail)}${which} ${what}${placeOn(trail)}. ${advice}`)
}

/** The same where importing the value on the other side does not help: an object of zproc, an atomic function. */
export function finalRefusal(call: string, trail: Trail, what: string, advice: string): ShippingError {
  return new ShippingError(`${call}: ${chain(trail)}, ${what}${placeOn(trail)}. ${advice}`)
}

/** The way to the value that was refused, if it may be imported instead. */
export function refusedAt(error: unknown): Trail | undefined {
  return error instanceof ShippingError ? trails.get(error) : undefined
}

const trails = new WeakMap<ShippingError, Trail>()

function refused(trail: Trail, message: string): ShippingError {
  const error = new ShippingError(`${message}${importAdvice(trail)}`)
  trails.set(error, trail)
  return error
}

function placeOn(trail: Trail): string {
  const place = trail.place()
  return place && ` (${place})`
}

/** Why a zproc object stays: each process has its own connection. */
export const OWN_ADVICE =
  'Take the one you are given: a process gets its own `state` as its first argument, or with `passContext: true` its own `ctx`.'

/** Why a value that is neither data nor a function with readable source stays where it is. */
export function whyNot(value: object, kind?: string): [what: string, advice: string] {
  if (types.isPromise(value))
    return ['a promise', 'Await it first and use the result, or make the promise inside the function.']
  if (isIterator(value))
    return ['an iterator', 'Send what it goes through, and make the iterator inside the function.']
  if (types.isGeneratorObject(value))
    return ['a running generator', 'Send the generator function, and call it inside the function.']
  if (value instanceof WeakRef)
    return ['a WeakRef', 'Use what it refers to, or make the WeakRef inside the function.']
  if (types.isSharedArrayBuffer(value))
    return [
      'a SharedArrayBuffer',
      'Memory is not shared between processes: use an ArrayBuffer, or the state.',
    ]
  if (types.isArgumentsObject(value))
    return ['an arguments object', 'Make an array of it, `[...arguments]`, or use a rest parameter.']
  if (types.isArrayBuffer(value))
    return ['an ArrayBuffer whose memory was transferred', 'Send it before it is given away, or send a copy.']
  if (types.isExternal(value)) return ['a native handle', 'Open it inside the function.']
  const name = className(value)
  const known = ADVICE.find(([pattern]) => pattern.test(kind || name))
  const what = kind && kind !== name ? `${name}, a kind of ${kind}` : name
  return [
    `${articleOf(name)} ${what}`,
    known ? known[1] : `It belongs to its process: make it inside the function.`,
  ]
}

/** An iterator that the engine has made: of a list, a Map, the matches of a pattern. */
export function isIterator(value: object): boolean {
  return / Iterator\]$/.test(Object.prototype.toString.call(value)) && Reflect.ownKeys(value).length === 0
}

function articleOf(name: string): string {
  return /^[AEIO]|^U(?!RL|[a-z]i)/.test(name) ? 'an' : 'a'
}

/** The place in the user's own source, through the source map of a compiled module. */
export function placeIn(script: Script, offset: number): string {
  const { file, line } = originOf(script, offset) ?? { file: script.url, line: placeOf(script, offset).line }
  return `${shortPath(file)}:${line + 1}`
}

const ADVICE: [RegExp, string][] = [
  [
    /Socket$|^(?:Server|Agent|ClientRequest|IncomingMessage|ServerResponse|Http2\w+)$/,
    'A connection cannot leave its process: open it inside the function.',
  ],
  [
    /Stream$|^(?:Readable|Writable|Duplex|Transform|PassThrough|Interface)$/,
    'A stream cannot leave its process: open it inside the function.',
  ],
  [/^(?:Timeout|Immediate|Interval)$/, 'A timer cannot leave its process: start it inside the function.'],
  [
    /^(?:FileHandle|Dir|FSWatcher|StatWatcher)$/,
    'An open file cannot leave its process: open it by its path inside the function.',
  ],
  [
    /^(?:ChildProcess|Worker|MessagePort|MessageChannel|BroadcastChannel)$/,
    'It cannot leave its process: start it inside the function.',
  ],
]

function chain(trail: Trail): string {
  const names: string[] = []
  let part = ''
  for (let at: Trail | undefined = trail; at; at = at.up) {
    if (at.variable) {
      names.unshift(at.name + part)
      part = ''
    } else part = at.name + part
  }
  const [first, ...used] = names.map(name => (name === '' ? 'the function' : `\`${name}\``))
  return used.length ? `${first} uses ${used.join(', which uses ')}` : `${first}`
}

function shortPath(url: string): string {
  if (!url.startsWith('file:')) return url || 'evaluated code'
  const path = fileURLToPath(url)
  const short = relative(process.cwd(), path)
  return short.startsWith(`..${sep}`) || short === '' ? path : short
}
