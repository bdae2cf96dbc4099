import { currentDirectory } from '../lifeline/directory.ts'
import { describe, toWire } from '../protocol/values.ts'
import { ship } from '../shipping/ship.ts'
import type { AnyFunction } from '../shipping/shipment.ts'
import { knownKeys } from '../transport/key.ts'
import { bytesOf, type Job, type WatchJob, type WireBytes } from './job.ts'
import type { ProcessOptions } from './options.ts'

/** What a process runs: a function, or the URL of a module, whose default export is the function. */
// biome-ignore lint/suspicious/noExplicitAny: a target may take any arguments
export type Target<R = unknown> = ((...args: any[]) => R | Promise<R>) | URL

/** A watch as it is asked for; the revision to start from is being asked of the server. */
export interface WatchAssignment extends Omit<WatchJob, 'from' | 'handled' | 'told'> {
  from: Promise<number | undefined>
}

/** What a process is to do, with everything in it encoded at the call: what is changed later does not matter. */
export interface Assignment {
  name: string
  namespace: string
  job(attempt: number, from: Origin, reached: Reached | undefined): Job | Promise<Job>
}

/** Who starts a process; see Job. */
export interface Origin extends Pick<Job, 'trace'> {
  parent: { name: string; pid: number }
}

/** How far the attempts so far of a watching process got. */
export interface Reached {
  revision: number
  done: boolean
}

export function assign(
  target: Target,
  address: string,
  options: ProcessOptions,
  watch: WatchAssignment | undefined,
  contextModule: string | undefined,
  call: string,
): Assignment {
  if (typeof target !== 'function' && !(target instanceof URL))
    throw new TypeError(
      `${call}: the target must be a function or the URL of a module that exports one as default, got ${describe(target)}`,
    )
  const shipped = ship(target as AnyFunction | URL, { call })
  const name = options.name ?? (shipped.name || 'anonymous')
  const { namespace = 'default', stateful = true, passContext = false, secretKey, connectTimeout } = options
  if (passContext && contextModule === undefined)
    throw new TypeError(`${call}: passContext needs ctx.process(…): there is no Context to join`)
  const first = encode(options.args ?? [], 'args', options.kwargs, 'kwargs', call)
  const again =
    options.retryArgs || options.retryKwargs
      ? encode(
          options.retryArgs ?? options.args ?? [],
          'retryArgs',
          options.retryKwargs ?? options.kwargs,
          'retryKwargs',
          call,
        )
      : first
  const job = (attempt: number, { parent, trace }: Origin, watching: WatchJob | undefined): Job => ({
    name,
    attempt,
    parent: { name: parent.name, pid: parent.pid },
    cwd: options.cwd ?? currentDirectory(),
    env: [],
    target: shipped.bytes,
    module: target instanceof URL ? target.href : undefined,
    first: passContext ? 'context' : stateful ? 'state' : 'nothing',
    ...(attempt === 1 ? first : again),
    address,
    namespace,
    secretKey,
    keys: secretKey === undefined ? [] : knownKeys(secretKey),
    connectTimeout,
    contextModule,
    watch: watching,
    trace,
  })
  return {
    name,
    namespace,
    job: (attempt, from, reached) => {
      if (!watch) return job(attempt, from, undefined)
      const told = (options.retryFor ?? []).length > 0 && watch.options.live !== true
      return watch.from.then(revision =>
        job(attempt, from, { ...watch, told, ...resume(watch, revision, reached) }),
      )
    },
  }
}

/** Where a watching process begins, or goes on: with the update that it failed at, or after the last that it handled. */
function resume(
  watch: WatchAssignment,
  from: number | undefined,
  reached: Reached | undefined,
): Pick<WatchJob, 'from' | 'handled'> {
  if (!reached) return { from, handled: undefined }
  const { revision, done } = reached
  // Changes are what comes after a revision; conditions are looked at there as well.
  if (watch.method === 'whenChange') return { from: done ? revision : revision - 1, handled: undefined }
  return { from: revision, handled: done ? revision : undefined }
}

function encode(
  args: readonly unknown[],
  argsName: string,
  kwargs: object | undefined,
  kwargsName: string,
  call: string,
): { args: WireBytes[]; kwargs: WireBytes[] } {
  return {
    args: args.map((value, i) => bytesOf(toWire(value, call, `${argsName}[${i}]`))),
    kwargs: kwargs === undefined ? [] : [bytesOf(toWire(kwargs, call, kwargsName))],
  }
}
