import { constants } from 'node:os'
import { nextTick, sleep } from '../async/interval.ts'
import type { State } from '../client/state.ts'
import { ShippingError } from '../errors.ts'
import { tellSpawned } from '../lifeline/spawned.ts'
import { describe, errorToWire, fromWire, toWire } from '../protocol/values.ts'
import type { AnyFunction } from '../shipping/shipment.ts'
import { flushTraces } from '../tracing/carried.ts'
import { isTraced, targets, trace } from '../tracing/channels.ts'
import { classesOf, codeOf, fieldOf } from './classes.ts'
import { bytesOf, type Job, type Joining, type Report, type Stage, type WatchJob, wireOf } from './job.ts'
import { reviveTarget } from './target.ts'

/** The child's end of its line to the parent. */
export interface Port {
  /** Resolves when the report is out. */
  send(report: Report): Promise<void>
  end(status: number): void
}

/** Does a job, reports how it went, and ends the process, or thread, whatever else goes on in it. */
export async function run(job: Job, port: Port): Promise<void> {
  let stage: Stage = 'boot'
  let over = false
  const fail = async (error: unknown) => {
    if (over) return
    over = true
    await port.send(failure(stage, error))
    await flushTraces()
    port.end(exitStatusOf(error) ?? 1)
  }
  process.on('uncaughtException', error => {
    // A target that listens for these itself decides itself.
    if (process.listenerCount('uncaughtException') === 1) void fail(error)
  })
  tellSpawned({
    spawned: pid => void port.send({ kind: 'spawned', pid }),
    reaped: pid => void port.send({ kind: 'reaped', pid }),
  })
  const open: Closable[] = []
  try {
    const call = await prepare(job, port, open)
    stage = 'run'
    void port.send({ kind: 'running' })
    const report = reportOf(await traced(job, call), job)
    if (over) return
    over = true
    await port.send(report)
  } catch (error) {
    return fail(error)
  }
  await Promise.race([
    Promise.allSettled([...open.map(one => one.close()), flushTraces()]),
    sleep(FLUSH_TIME),
  ])
  port.end(Number(process.exitCode ?? 0))
}

function traced(job: Job, call: () => unknown): unknown {
  if (job.trace === null || !isTraced(targets)) return call()
  const { name, attempt, namespace, parent } = job
  return trace(targets, { name, attempt, namespace, parent, trace: job.trace }, call)
}

export interface Closable {
  close(): Promise<void>
}

/** The longest that a process which has returned may take to have its last writes answered. */
const FLUSH_TIME = 5000

export async function prepare(job: Job, port: Port, open: Closable[]): Promise<() => unknown> {
  if (job.cwd !== undefined && job.cwd !== process.cwd()) process.chdir(job.cwd)
  for (const [name, value] of job.env)
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  const opened = job.first === 'state' || job.watch ? await openState(job) : undefined
  const state = opened?.state
  if (state) {
    open.push(state)
    // What it begins with leaves at the end of this turn: the server answers while the target is made.
    await new Promise<void>(nextTick)
  }
  const [target, test] = await Promise.all([
    job.module === undefined ? reviveTarget(job.target) : defaultExport(job.module),
    job.watch?.test && reviveTarget(job.watch.test),
    opened?.begun,
  ])
  const first =
    job.first === 'context' ? await openContext(job, open) : job.first === 'state' ? state : undefined
  const args = [...job.args, ...job.kwargs].map(bytes => fromWire(wireOf(bytes)))
  const before = first === undefined ? [] : [first]
  if (!job.watch) return () => target(...before, ...args)
  const handle = (snapshot: unknown) => target(snapshot, ...before, ...args)
  const { watch } = job
  const updates = iterate(state as State, watch, test)
  return () =>
    watch.told ? handleTold(updates, state as State, watch, handle, port) : handleAll(updates, handle)
}

async function handleAll(
  updates: AsyncIterable<unknown>,
  handle: (snapshot: unknown) => unknown,
): Promise<void> {
  for await (const snapshot of updates) await handle(snapshot)
}

/** The same, and the parent is told how far it got: the next attempt goes on from there. */
async function handleTold(
  updates: AsyncIterable<unknown>,
  state: State,
  watch: WatchJob,
  handle: (snapshot: unknown) => unknown,
  port: Port,
): Promise<void> {
  const { positionOf } = await import('../client/state.ts')
  for await (const snapshot of updates) {
    const revision = positionOf(state as State<object>) ?? 0
    // A condition that held at the end of the attempt before still does.
    if (revision === watch.handled) continue
    await port.send({ kind: 'at', revision, done: false })
    await handle(snapshot)
    await port.send({ kind: 'at', revision, done: true })
  }
}

/** Imported without a detour: what is wrong with the module comes as it was thrown. */
async function defaultExport(module: string): Promise<AnyFunction> {
  const { default: target }: { default?: unknown } = await import(module)
  if (typeof target === 'function') return target
  throw new ShippingError(`${module} must export a function as default; its default is ${describe(target)}`)
}

/**
 * A State as a job asks for it. `begun`: it has begun, or cannot. A target may compute for a long time before it lets go
 * of its thread: a connection that has not greeted by then is given up by the server.
 */
async function openState(
  job: Joining & Pick<Job, 'name' | 'watch' | 'isSpare'>,
): Promise<{ state: State; begun: Promise<unknown> }> {
  const client = await import('../client/state.ts')
  client.nameProcess(job.name)
  const inner = { name: job.name, from: job.watch?.from, isSpare: job.isSpare }
  const state = new client.State(job.address, await joining(job), inner)
  return { state, begun: client.linkOf(state as State<object>, 'new State').start.catch(() => {}) }
}

/** How to join the server. */
async function joining({ namespace, secretKey, keys, connectTimeout }: Joining) {
  if (secretKey !== undefined && keys.length > 0)
    (await import('../transport/key.ts')).learnKeys(secretKey, keys)
  return { namespace, secretKey, connectTimeout }
}

/** What this room knows of Context, which is built on it. */
interface ContextModule {
  Context: new (
    address: string,
    options: Awaited<ReturnType<typeof joining>>,
  ) => { ready: Promise<void>; close(): Promise<void> }
}

async function openContext(job: Job, open: Closable[]): Promise<unknown> {
  if (job.contextModule === undefined) throw new Error('passContext: the module of Context is not known')
  const client = await import('../client/state.ts')
  client.nameProcess(job.name)
  const { Context }: ContextModule = await import(job.contextModule)
  const context = new Context(job.address, await joining(job))
  open.push(context)
  await context.ready.catch(() => {})
  return context
}

function iterate(state: State, watch: WatchJob, test: unknown): AsyncIterable<unknown> {
  const args = watch.args.map(bytes => fromWire(wireOf(bytes)))
  // Its arguments were checked when they were the parent's.
  const loop = state[watch.method] as (...args: unknown[]) => AsyncIterable<unknown>
  return loop.call(state, ...(test ? [test] : args), watch.options)
}

export function reportOf(value: unknown, job: Job): Report {
  if (codeOf(value) === 'ZPROC_REMOTE_EXCEPTION')
    return { kind: 'rejected', error: bytesOf(errorToWire(fieldOf(value, 'cause'))) }
  return { kind: 'returned', value: bytesOf(toWire(value, `process '${job.name}'`, 'the value it returned')) }
}

function failure(stage: Stage, error: unknown): Report {
  const signal = codeOf(error) === 'ZPROC_SIGNAL' ? fieldOf(error, 'signal') : undefined
  if (exitStatusOf(error) === 0) return { kind: 'returned', value: undefined }
  return {
    kind: 'failed',
    stage,
    error: bytesOf(errorToWire(error)),
    classes: classesOf(error),
    signal: isSignal(signal) ? signal : undefined,
  }
}

function exitStatusOf(error: unknown): number | undefined {
  if (codeOf(error) !== 'ZPROC_PROCESS_EXIT') return undefined
  const status = fieldOf(error, 'status')
  return typeof status === 'number' && Number.isInteger(status) ? status : 1
}

const isSignal = (name: unknown): name is NodeJS.Signals =>
  typeof name === 'string' && Object.hasOwn(constants.signals, name)
