import { constants } from 'node:os'
import {
  count,
  either,
  flag,
  functionOf,
  limit,
  listOf,
  listOfChecked,
  objectOf,
  oneOf,
  secret,
  signal,
  text,
  time,
} from '../protocol/kinds.ts'
import { PRINTED } from '../protocol/messages.ts'
import { type OptionsOf, readOptions } from '../protocol/options.ts'

/** The class of errors that `retryFor` names: `Error`, `RangeError`, one of yours. */
// biome-ignore lint/suspicious/noExplicitAny: an error class may take any arguments
export type ErrorClass = abstract new (...args: any[]) => Error

const isFailure = (value: unknown): value is ErrorClass | NodeJS.Signals =>
  typeof value === 'function' || (typeof value === 'string' && Object.hasOwn(constants.signals, value))

export const processFields = {
  /** true: `target(state, ...args)`; false: `target(...args)`. Default true. */
  stateful: flag,
  /** true: `target(ctx, ...args)`, with a Context joined to the same server. Default false. */
  passContext: flag,
  /** The arguments of the target. Default none. */
  args: listOf<unknown>(),
  /** Passed to the target as one last argument. Default none. */
  kwargs: objectOf<object>(),
  /** The failures after which the target is run again, in a new child: `[Error]` stands for any error. Default none. */
  retryFor: listOfChecked(isFailure, "error classes and names of signals like 'SIGTERM'"),
  /** Milliseconds before the next attempt, or a function of the attempt that failed (1, 2, …); see `backoff`. Default 5000. */
  retryDelay: either(time(), functionOf<(attempt: number) => number>()),
  /** The number of attempts after the first. Default Infinity. */
  maxRetries: limit(0),
  /** The arguments of the target when it is retried. Default: `args`. */
  retryArgs: listOf<unknown>(),
  /** The kwargs of the target when it is retried. Default: `kwargs`. */
  retryKwargs: objectOf<object>(),
  /** true: a process that fails before its target runs (module not found, syntax error) is retried too. Default false. */
  retryBoot: flag,
  /** No more than this many retries within `within` milliseconds: the end of a crash loop. Default Infinity. */
  maxRestarts: limit(0),
  /** The milliseconds that `maxRestarts` counts over. Default 60,000. */
  within: time(),
  /** false: `start()` starts it. Default true. */
  start: flag,
  /** 'thread': a worker thread of this process. Default 'process'. */
  backend: oneOf('process', 'thread'),
  /** The namespace of the State or Context that the target gets. Default: the Context's, or 'default'. */
  namespace: text,
  /** The key that the server was started with. Default: the Context's. */
  secretKey: secret,
  /** The `connectTimeout`, in milliseconds, of the State or Context that the target gets. Default 10,000. */
  connectTimeout: time(),
  /** The name in events, errors and commits. Default: the target's name. */
  name: text,
  /** To abort it stops the process, as `stop()` does. Default: none. */
  signal,
  /** The limit of the V8 heap, in MB. Default: that of Node.js. */
  memoryLimit: count(1),
  /** Node flags besides the inherited ones. Default none. */
  execArgv: listOfChecked(value => typeof value === 'string', 'strings'),
  /** The whole environment. Default: this process's own. */
  env: objectOf<NodeJS.ProcessEnv>(),
  /** The working directory. Default: this process's own. Not for `backend: 'thread'`. */
  cwd: text,
  /** 'pipe': what it prints is read from `p.stdout` and `p.stderr`. Default 'inherit'. */
  stdio: oneOf('inherit', 'pipe'),
  /** true: each line that it prints is labelled with its name. Default false. */
  prefix: flag,
  /**
   * How many of the last lines that it prints are kept for `npx zproc inspect`, where this program reads them: with `stdio: 'pipe'` or
   * `prefix`, and what workers write to stderr. 0: none. Default 20.
   */
  outputLines: count(0, PRINTED),
}

/**
 * How a process is run. The type parameters are what its target is given: the types of `args` and `kwargs`, and the
 * values of `stateful`, `passContext` and `namespace`.
 */
export interface ProcessOptions<
  A extends readonly unknown[] = readonly unknown[],
  K extends object | undefined = object | undefined,
  F extends boolean = boolean,
  C extends boolean = boolean,
  N extends string | undefined = string | undefined,
> extends OptionsOf<typeof processFields> {
  /** The arguments of the target. Default none. */
  args?: A
  /** Passed to the target as one last argument. Default none. */
  kwargs?: K
  /** true: `target(state, ...args)`; false: `target(...args)`. Default true. */
  stateful?: F
  /** true: `target(ctx, ...args)`, with a Context joined to the same server. Default false. */
  passContext?: C
  /** The namespace of the State or Context that the target gets. Default: the Context's, or 'default'. */
  namespace?: N
}

export const waitFields = {
  /** Milliseconds until a TimeoutError; the process goes on. Default: none. */
  timeout: time(),
}

/** How the end of a process is waited for. */
export interface WaitOptions extends OptionsOf<typeof waitFields> {}

export const stopFields = {
  /** Milliseconds between SIGTERM and SIGKILL. Default 5000; Infinity: no SIGKILL. */
  killAfter: time(),
}

/** How a process is stopped. */
export interface StopOptions extends OptionsOf<typeof stopFields> {}

/** Reads the options of a process. Throws a TypeError or RangeError that names the first option that is wrong. */
export function readProcessOptions(given: ProcessOptions, call: string): ProcessOptions {
  const options = readOptions(processFields, given, call)
  checkTogether(options, call)
  return options
}

/** What is wrong with options that are right by themselves. */
export function checkTogether({ stdio, prefix, backend, cwd, retryFor }: ProcessOptions, call: string): void {
  if (stdio === 'pipe' && prefix)
    throw new TypeError(`${call}: prefix labels what is printed here; it cannot go with stdio: 'pipe'`)
  if (backend !== 'thread') return
  if (cwd !== undefined)
    throw new TypeError(`${call}: a thread shares its process's directory; cwd needs backend: 'process'`)
  const signal = retryFor?.find(failure => typeof failure === 'string')
  if (signal !== undefined)
    throw new TypeError(`${call}: a thread gets no signals; retryFor: ['${signal}'] needs backend: 'process'`)
}
