import { constants } from 'node:os'
import { checkTime } from '../async/interval.ts'
import { checkOptions } from '../protocol/options.ts'
import { describe } from '../protocol/values.ts'

// biome-ignore lint/suspicious/noExplicitAny: an error class may take any arguments
export type ErrorClass = abstract new (...args: any[]) => Error

export interface ProcessOptions {
  /** true (default): `target(state, ...args)`; false: `target(...args)`. */
  stateful?: boolean
  /** true: `target(ctx, ...args)`, with a Context joined to the same server. Default false. */
  passContext?: boolean
  // `| []`: so that the types of the single arguments are inferred.
  args?: readonly unknown[] | []
  /** Passed as one last argument, when given. */
  kwargs?: object
  /** The failures after which the target is run again, in a new child: `[Error]` stands for any error. Default none. */
  retryFor?: readonly (ErrorClass | NodeJS.Signals)[]
  /** Milliseconds before the next attempt, or a function of the attempt that failed (1, 2, …); see `backoff`. Default 5000. */
  retryDelay?: number | ((attempt: number) => number)
  /** How many more attempts after the first. Default unlimited. */
  maxRetries?: number
  /** In place of `args` when retrying. */
  retryArgs?: readonly unknown[]
  /** In place of `kwargs` when retrying. */
  retryKwargs?: object
  /** true: a process that fails before its target runs (module not found, syntax error) is retried too. Default false. */
  retryBoot?: boolean
  /** No more than this many retries within `within` milliseconds: the end of a crash loop. Default unlimited. */
  maxRestarts?: number
  /** Milliseconds that `maxRestarts` counts over. Default 60_000. */
  within?: number
  /** false: `start()` starts it. Default true. */
  start?: boolean
  /** 'thread': a worker thread of this process. Default 'process'. */
  backend?: 'process' | 'thread'
  namespace?: string
  secretKey?: string
  /** Of the State or Context that the target gets: see there. Default 10,000. */
  connectTimeout?: number
  /** Default: the target's name. */
  name?: string
  /** Aborting it stops the process. */
  signal?: AbortSignal
  /** V8 heap, in MB. */
  memoryLimit?: number
  /** Node flags besides the inherited ones. */
  execArgv?: readonly string[]
  /** The whole environment. Default: this process's own. */
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** 'pipe': what it prints is read from `p.stdout` and `p.stderr`. Default 'inherit'. */
  stdio?: 'inherit' | 'pipe'
  /** true: each line that it prints is labelled with its name. Default false. */
  prefix?: boolean
}

const flags = ['stateful', 'passContext', 'start', 'retryBoot', 'prefix'] as const
const texts = ['namespace', 'secretKey', 'name', 'cwd'] as const
const lists = ['args', 'retryArgs', 'execArgv', 'retryFor'] as const
const objects = ['kwargs', 'retryKwargs', 'env'] as const
const counts = ['maxRetries', 'maxRestarts'] as const

/** Throws a TypeError or RangeError that names the first option that is wrong. */
export function checkProcessOptions(options: ProcessOptions, call: string): void {
  checkOptions(options, call)
  const wrong = (name: keyof ProcessOptions, what: string) =>
    new TypeError(`${call}: ${name} must be ${what}, got ${describe(options[name])}`)
  const given = (name: keyof ProcessOptions) => options[name] !== undefined
  for (const name of flags)
    if (given(name) && typeof options[name] !== 'boolean') throw wrong(name, 'true or false')
  for (const name of texts)
    if (given(name) && (typeof options[name] !== 'string' || options[name] === ''))
      throw wrong(name, 'a string that is not empty')
  for (const name of lists) if (given(name) && !Array.isArray(options[name])) throw wrong(name, 'an array')
  for (const name of objects)
    if (
      given(name) &&
      (typeof options[name] !== 'object' || options[name] === null || Array.isArray(options[name]))
    )
      throw wrong(name, 'an object')
  for (const name of counts) checkCount(options, name, call)
  if (given('backend') && options.backend !== 'process' && options.backend !== 'thread')
    throw wrong('backend', "'process' or 'thread'")
  if (given('stdio') && options.stdio !== 'inherit' && options.stdio !== 'pipe')
    throw wrong('stdio', "'inherit' or 'pipe'")
  if (given('signal') && !(options.signal instanceof AbortSignal)) throw wrong('signal', 'an AbortSignal')
  if (given('memoryLimit') && !(isCount(options.memoryLimit) && Number(options.memoryLimit) > 0))
    throw new RangeError(
      `${call}: memoryLimit must be a whole number of MB above 0, got ${describe(options.memoryLimit)}`,
    )
  if (typeof options.retryDelay !== 'function') checkTime(options.retryDelay, call, 'retryDelay')
  checkTime(options.within, call, 'within')
  checkTime(options.connectTimeout, call, 'connectTimeout')
  for (const failure of options.retryFor ?? [])
    if (typeof failure !== 'function' && !(String(failure) in constants.signals))
      throw new TypeError(
        `${call}: retryFor takes error classes and names of signals like 'SIGTERM', got ${describe(failure)}`,
      )
  checkTogether(options, call)
}

function checkCount(options: ProcessOptions, name: (typeof counts)[number], call: string): void {
  const value = options[name]
  if (value === undefined || isCount(value) || value === Number.POSITIVE_INFINITY) return
  throw new RangeError(`${call}: ${name} must be a number of times, 0 or more, got ${describe(value)}`)
}

function checkTogether({ stdio, prefix, backend, cwd, retryFor }: ProcessOptions, call: string): void {
  if (stdio === 'pipe' && prefix)
    throw new TypeError(`${call}: prefix labels what is printed here; it cannot go with stdio: 'pipe'`)
  if (backend !== 'thread') return
  if (cwd !== undefined)
    throw new TypeError(`${call}: a thread shares its process's directory; cwd needs backend: 'process'`)
  const signal = retryFor?.find(failure => typeof failure === 'string')
  if (signal !== undefined)
    throw new TypeError(`${call}: a thread gets no signals; retryFor: ['${signal}'] needs backend: 'process'`)
}

const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0
