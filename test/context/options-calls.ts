import { backoff, Context, describeServer, Process, ping, State, startServer } from 'zproc'
import * as kind from './options-kinds.ts'

/** A public function that takes options: their names with what each is to be, and a call with them and all else right. */
export interface OptionedCall {
  /** What messages begin with. */
  name: string
  /** What stands behind an option's name in messages. */
  place?: string
  options: Record<string, kind.Expected>
  call(options: never): unknown
}

/** Nothing is ever there: what comes so far has taken the options. */
export const NOWHERE = 'nowhere'

const connecting = { namespace: kind.text, secretKey: kind.text, connectTimeout: kind.time() }
const watching = {
  live: kind.flag,
  timeout: kind.time(),
  duplicateOkay: kind.flag,
  signal: kind.signal,
}
const updates = { ...watching, own: kind.flag }
const changes = { ...updates, exclude: kind.flag }
const from = kind.count(0)
/** The own writes of a State are no question for conditions. */
const conditions = { ...watching, own: (value: unknown) => (value === true ? undefined : kind.flag(value)) }
const pinging = { timeout: kind.time(), sentPayload: kind.bytes }
const tying = { ephemeral: kind.flag, ttl: kind.timeToLive }
const running = {
  stateful: kind.flag,
  passContext: kind.flag,
  args: kind.list,
  kwargs: kind.object,
  retryFor: kind.failures,
  retryDelay: kind.either(kind.time(), kind.callback),
  maxRetries: kind.limit(0),
  retryArgs: kind.list,
  retryKwargs: kind.object,
  retryBoot: kind.flag,
  maxRestarts: kind.limit(0),
  within: kind.time(),
  start: kind.flag,
  backend: kind.oneOf('process', 'thread'),
  namespace: kind.text,
  secretKey: kind.text,
  connectTimeout: kind.time(),
  name: kind.text,
  signal: kind.signal,
  memoryLimit: kind.count(1),
  execArgv: kind.texts,
  env: kind.object,
  cwd: kind.text,
  stdio: kind.oneOf('inherit', 'pipe'),
  prefix: kind.flag,
  outputLines: kind.count(0, 100),
}
const serving = {
  backend: kind.oneOf('process', 'thread', 'inline'),
  secretKey: kind.text,
  insecure: kind.flag,
  onHung: kind.callback,
  logger: kind.logger,
  atomicTimeout: kind.time(1),
  historyLimit: kind.limit(1),
  historyBytes: kind.limit(1),
  maxMessageBytes: kind.limit(1024),
  maxDepth: kind.count(1, 10_000),
  maxConnections: kind.limit(1),
  maxHalfOpen: kind.limit(1),
  handshakeTimeout: kind.time(1),
  maxInFlight: kind.limit(1),
  graceTime: kind.time(),
  allowCode: kind.flag,
  data: kind.folder,
  durability: kind.durability,
  keep: kind.bounds,
}
const inContext = {
  ...running,
  wait: kind.flag,
  cleanup: kind.flag,
  serverBackend: kind.oneOf('process', 'thread', 'inline'),
  /** What is in it has calls of its own here. */
  server: (value: unknown) => (kind.object(value) === false ? false : undefined),
  spares: kind.count(0),
  logger: kind.logger,
}
const mapping = {
  mapArgs: kind.iterable,
  args: kind.list,
  mapKwargs: kind.iterable,
  kwargs: kind.object,
  pool: kind.oneOf('own', 'shared'),
  count: kind.count(1),
  stateful: kind.flag,
  new: kind.flag,
  returnTask: kind.flag,
  chunkSize: kind.count(1),
  signal: kind.signal,
  onProgress: kind.callback,
  progress: kind.flag,
  maxRetries: kind.count(0),
  settle: kind.flag,
  ordered: kind.flag,
  maxItemsPerWorker: kind.count(1),
  memoryLimit: kind.count(1),
  timeout: kind.time(),
}

const over = AbortSignal.abort(new Error('aborted before the call'))

/**
 * Every public function that takes options. What a call begins is over at once: its signal is aborted. `idle` has no
 * processes.
 */
export function optionedCalls(ctx: Context, idle: Context): OptionedCall[] {
  const { state } = ctx
  const target = () => 5
  const stopped = ctx.process(target, { start: false })
  void stopped.stop()
  return [
    { name: 'new State', options: connecting, call: o => new State(NOWHERE, o) },
    {
      name: 'state.fork',
      options: { ...connecting, serverAddress: kind.address },
      call: (o: object) => state.fork({ serverAddress: NOWHERE, ...o }),
    },
    { name: 'state.set', options: tying, call: o => state.set('key', 1, o) },
    { name: 'state.setDefault', options: tying, call: o => state.setDefault('key', 1, o) },
    { name: 'state.ping', options: pinging, call: o => state.ping(o) },
    { name: 'state.ping', options: pinging, call: o => ctx.ping(o) },
    { name: 'ping', options: { ...pinging, secretKey: kind.text }, call: o => ping(NOWHERE, o) },
    {
      name: 'describeServer',
      options: { timeout: kind.time(), secretKey: kind.text, limit: kind.count(0, 1000) },
      call: o => describeServer(NOWHERE, o),
    },
    ...watchers(state),
    { name: 'new Process', options: running, call: o => new Process(target, NOWHERE, o) },
    { name: 'process.wait', options: { timeout: kind.time() }, call: o => stopped.wait(o) },
    { name: 'process.stop', options: { killAfter: kind.time() }, call: o => stopped.stop(o) },
    { name: 'backoff', options: delays, call: o => backoff(o) },
    { name: 'startServer', options: serving, call: o => startServer(NOWHERE, o) },
    { name: 'new Context', options: inContext, call: o => new Context(NOWHERE, o) },
    {
      name: 'new Context',
      place: ' of server',
      options: serving,
      call: o => new Context(NOWHERE, { server: o }),
    },
    {
      name: 'ctx.process',
      options: running,
      call: (o: object) => ctx.process(target, { start: false, ...o }),
    },
    { name: 'ctx.process', options: running, call: o => ctx.process(o) },
    {
      name: 'ctx.processFactory',
      options: { ...running, count: few },
      call: (o: object) => ctx.processFactory(target, { start: false, ...o }),
    },
    {
      name: 'ctx.processMap',
      options: mapping,
      call: (o: object) => ctx.processMap(target as () => number, null, { mapArgs: [], signal: over, ...o }),
    },
    ...calls(ctx),
    { name: 'ctx.waitAll', options: { timeout: kind.time(), safe: kind.flag }, call: o => idle.waitAll(o) },
    { name: 'ctx.stopAll', options: { killAfter: kind.time() }, call: o => idle.stopAll(o) },
  ]
}

/** More than three processes are not to be made, though they could. */
const few: kind.Expected = value => kind.count(0)(value) && (Number(value) <= 3 || undefined)

const delays = { base: kind.time(), factor: kind.number(0), max: kind.time(), jitter: kind.number(0, 1) }

function watchers(state: State): OptionedCall[] {
  const ended = (o: object) => ({ signal: over, ...o })
  const test = () => true
  const once: Record<string, (o: object) => unknown> = {
    getWhen: o => state.getWhen(test, ended(o)),
    getWhenEqual: o => state.getWhenEqual('key', 1, ended(o)),
    getWhenNotEqual: o => state.getWhenNotEqual('key', 1, ended(o)),
    getWhenNone: o => state.getWhenNone('key', ended(o)),
    getWhenNotNone: o => state.getWhenNotNone('key', ended(o)),
    getWhenAvailable: o => state.getWhenAvailable('key', ended(o)),
  }
  const loops: Record<string, (o: object) => unknown> = {
    when: o => state.when(test, o).return?.(),
    whenEqual: o => state.whenEqual('key', 1, o).return?.(),
    whenNotEqual: o => state.whenNotEqual('key', 1, o).return?.(),
    whenNone: o => state.whenNone('key', o).return?.(),
    whenNotNone: o => state.whenNotNone('key', o).return?.(),
    whenAvailable: o => state.whenAvailable('key', o).return?.(),
  }
  return [
    ...Object.entries(once).map(([name, call]) => ({ name: `state.${name}`, options: conditions, call })),
    ...Object.entries(loops).map(([name, call]) => ({
      name: `state.${name}`,
      options: { ...conditions, from },
      call,
    })),
    { name: 'state.getRawUpdate', options: updates, call: (o: object) => state.getRawUpdate(ended(o)) },
    {
      name: 'state.rawUpdates',
      options: { ...updates, from },
      call: (o: object) => state.rawUpdates(o).return?.(),
    },
    {
      name: 'state.getWhenChange',
      options: changes,
      call: (o: object) => state.getWhenChange('key', ended(o)),
    },
    {
      name: 'state.whenChange',
      options: { ...changes, from },
      call: (o: object) => state.whenChange('key', o).return?.(),
    },
  ]
}

function calls(ctx: Context): OptionedCall[] {
  const all: Record<string, (o: object) => unknown> = {
    callWhen: o => ctx.callWhen(() => true, o),
    callWhenEqual: o => ctx.callWhenEqual('key', 1, o),
    callWhenNotEqual: o => ctx.callWhenNotEqual('key', 1, o),
    callWhenNone: o => ctx.callWhenNone('key', o),
    callWhenNotNone: o => ctx.callWhenNotNone('key', o),
    callWhenAvailable: o => ctx.callWhenAvailable('key', o),
  }
  const options = { ...running, ...conditions }
  return [
    ...Object.entries(all).map(([name, call]) => ({ name: `ctx.${name}`, options, call })),
    {
      name: 'ctx.callWhenChange',
      options: { ...running, ...changes },
      call: (o: object) => ctx.callWhenChange('key', o),
    },
  ]
}
