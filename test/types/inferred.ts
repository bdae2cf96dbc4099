// What is inferred from a user's types and functions. It compiles, or `npm run types` fails; it is never run.
import type { Readable } from 'node:stream'
import {
  atomic,
  type CommandTrace,
  Context,
  currentProcess,
  type Draft,
  describeServer,
  diagnose,
  type ItemTrace,
  type Logger,
  type MapResult,
  Process,
  ping,
  RemoteException,
  type Server,
  type Settled,
  type Snapshot,
  State,
  type StateView,
  startServer,
  type TaskDetail,
  type TraceContext,
  type TracingChannels,
} from 'zproc'
import { instrument } from 'zproc/opentelemetry'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Takes a value of exactly the type `T`: neither wider nor narrower, nor `any`. */
function exactly<T>() {
  return <V>(_value: V, ..._same: Same<V, T> extends true ? [] : ['is of another type than']): void => {}
}

interface Shop {
  cookies: number
  sold: string[]
  owner?: { name: string }
}

export async function stateOfAShop(shop: State<Shop>): Promise<void> {
  exactly<number>()(await shop.get('cookies'))
  exactly<{ name: string } | undefined>()(await shop.get('owner'))
  exactly<{ name: string } | undefined | null>()(await shop.get('owner', null))
  exactly<('cookies' | 'sold' | 'owner')[]>()(await shop.keys())
  exactly<Shop>()(await shop.copy())
  exactly<boolean>()(await shop.delete('owner'))
  exactly<string[]>()(await shop.setDefault('sold', []))
  exactly<State<Shop>>()(shop.fork())
  exactly<StateView<Shop>>()(await shop.view())
  for await (const key of shop) exactly<'cookies' | 'sold' | 'owner'>()(key)
}

export async function watchersOfAShop(shop: State<Shop>): Promise<void> {
  const snapshot = await shop.getWhenChange('cookies', 'sold', { exclude: true, timeout: 100 })
  exactly<Snapshot<Shop>>()(snapshot)
  exactly<number>()(snapshot.cookies)
  exactly<readonly string[]>()(snapshot.sold)
  for await (const { cookies } of shop.when(state => state.cookies > 3, { live: true }))
    exactly<number>()(cookies)
  for await (const { after, by } of shop.rawUpdates()) {
    exactly<Snapshot<Shop>>()(after)
    exactly<number>()(by.pid)
  }
}

/** What a condition says of the state is known of the snapshot. */
export async function conditionsOfAShop(shop: State<Shop>): Promise<void> {
  exactly<string>()((await shop.getWhenAvailable('owner')).owner.name)
  exactly<string>()((await shop.getWhenNotNone('owner')).owner.name)
  exactly<5>()((await shop.getWhenEqual('cookies', 5)).cookies)
  for await (const { owner } of shop.whenAvailable('owner')) exactly<string>()(owner.name)
  for await (const { owner } of shop.whenNotNone('owner', { live: true })) exactly<string>()(owner.name)
  for await (const { cookies } of shop.whenEqual('cookies', 0)) exactly<0>()(cookies)
  type Owned = Snapshot<Shop> & { owner: { name: string } }
  const isOwned = (state: Snapshot<Shop>): state is Owned => state.owner !== undefined
  exactly<Owned>()(await shop.getWhen(isOwned))
  for await (const owned of shop.when(isOwned)) exactly<Owned>()(owned)
  // It is a snapshot still.
  const narrowed: Snapshot<Shop> = await shop.getWhenNotNone('owner')
  exactly<readonly string[]>()(narrowed.sold)
}

interface Sessions {
  [id: string]: { user: string } | number
  count: number
}

/** What an index signature says may be there may be missing. */
export async function statesOfUnknownKeys(sessions: State<Sessions>): Promise<void> {
  exactly<number>()(await sessions.get('count'))
  exactly<{ user: string } | number | undefined>()(await sessions.get('nobody'))
  exactly<{ user: string } | number | null>()(await sessions.get('nobody', null))
  const view = await sessions.view()
  exactly<number>()(view.get('count'))
  exactly<{ readonly user: string } | number | undefined>()(view.get('nobody'))
  const narrowed = await sessions.getWhenAvailable('nobody')
  exactly<{ readonly user: string } | number>()(narrowed.nobody)
}

/** Another namespace may hold a state of another type. */
export async function otherNamespaces(shop: State<Shop>, ctx: Context<Shop>): Promise<void> {
  interface Flags {
    beta: boolean
  }
  exactly<State<Flags>>()(shop.fork<Flags>({ namespace: 'flags' }))
  const flags: State<Flags> = shop.fork({ namespace: 'flags' })
  exactly<State<Shop>>()(shop.fork({ namespace: 'other' }))
  exactly<boolean>()(await flags.get('beta'))
  const isBeta = async (other: State<Flags>) => other.get('beta')
  exactly<boolean>()(await ctx.process(isBeta, { namespace: 'flags' }).wait())
}

export async function atomicFunctions(shop: State<Shop>): Promise<void> {
  const sell = atomic((state: Draft<Shop>, kind: string, many?: number) => {
    state.sold.push(kind)
    state.cookies -= many ?? 1
    return state.cookies
  })
  exactly<number>()(await sell(shop, 'oat'))
  exactly<number>()(await sell(shop, 'oat', 2))

  const slowly = atomic(async (state: Draft<Shop>) => state.owner)
  exactly<{ name: string } | undefined>()(await slowly(shop))
}

export async function functions(): Promise<void> {
  const server = await startServer(null, { backend: 'thread' })
  exactly<string>()(server.address)
  exactly<number | null>()(await ping(server.address, { timeout: 100 }))
}

export async function processesOfAShop(ctx: Context<Shop>): Promise<void> {
  exactly<State<Shop>>()(ctx.state)
  exactly<string>()(await ctx.process(async state => `${await state.get('cookies')} left`).wait())
  const sell = (_state: State<Shop>, kind: string, many: number) => ({ kind, many })
  exactly<{ kind: string; many: number }>()(await ctx.process(sell, { args: ['oat', 2] }).wait())
  exactly<number>()(
    await ctx.process((a: number, b: number) => a + b, { stateful: false, args: [1, 2] }).wait(),
  )
  exactly<string>()(await ctx.process(other => other.namespace, { passContext: true }).wait())
  const loud = (_state: State<Shop>, options: { loud: boolean }) => options.loud
  exactly<boolean>()(await ctx.process(loud, { kwargs: { loud: true } }).wait())
  exactly<Process<number>[]>()(ctx.processFactory(() => 5, { count: 4 }))
  const failing = () => (ctx.serverAddress ? 5 : new RemoteException(new Error('no address')))
  exactly<number>()(await ctx.process(failing).wait())
  ctx.process({ name: 'baker' })(async state => state.set('cookies', 5))
  ctx.callWhenChange('cookies')(async (snapshot, state) => {
    exactly<number>()(snapshot.cookies)
    exactly<State<Shop>>()(state)
  })
  ctx.callWhen(state => state.cookies > 3, { stateful: false })(snapshot => {
    exactly<Snapshot<Shop>>()(snapshot)
  })
  exactly<(number | null)[]>()(await ctx.stopAll())
}

export async function mapsOfAShop(ctx: Context<Shop>): Promise<void> {
  exactly<MapResult<number>>()(ctx.processMap((x: number) => x * x, [1, 2]))
  exactly<MapResult<string>>()(ctx.processMap(async x => `${x}`, new Set([1, 2]), { count: 2 }))
  exactly<number[]>()(await ctx.processMap((x: number, by: number) => x * by, [1], { args: [2] }).toArray())
  exactly<MapResult<Settled<number>>>()(ctx.processMap((x: number) => x, [1], { settle: true }))
  const priced = async (state: State<Shop>, kind: string) => [kind, await state.get('cookies')] as const
  exactly<MapResult<readonly [string, number]>>()(ctx.processMap(priced, ['oat'], { stateful: true }))
  exactly<MapResult<Settled<readonly [string, number]>>>()(
    ctx.processMap(priced, ['oat'], { stateful: true, settle: true }),
  )
  const add = (a: number, b: number) => a + b
  exactly<MapResult<number>>()(ctx.processMap(add, null, { mapArgs: [[1, 2]] }))
  exactly<MapResult<number>>()(ctx.processMap(add, [1, 2], { mapArgs: [[1], [2]] }))
  const named = (text: string, { by, or }: { by: number; or?: string }) => text.length * by + (or ?? '')
  exactly<MapResult<string>>()(ctx.processMap(named, ['oat'], { kwargs: { by: 2 } }))
  exactly<MapResult<string>>()(
    ctx.processMap(named, ['oat'], { mapKwargs: [{ by: 2 }], kwargs: { or: 'none' } }),
  )
  exactly<MapResult<string>>()(ctx.processMap(letter => `${letter}!`, 'abc', { chunkSize: 2 }))
  exactly<MapResult<Settled<number>>>()(ctx.processMap(add, null, { mapArgs: [[1, 2]], settle: true }))
  exactly<MapResult<unknown>>()(ctx.processMap(new URL('file:///target.js'), [1]))
  exactly<TaskDetail>()(ctx.processMap((x: number) => x, [1], { returnTask: true }))
  const placed = ctx.processMap((x: number) => `${x}`, [1], { ordered: false })
  exactly<MapResult<{ index: number } & { value: string }>>()(placed)
  exactly<MapResult<{ index: number } & Settled<string>>>()(
    ctx.processMap((x: number) => `${x}`, [1], { ordered: false, settle: true }),
  )
  exactly<number>()(await ctx.run(add, 1, 2))
  exactly<string>()(await ctx.run(async (text: string) => text, 'a'))
  exactly<unknown>()(await ctx.run(new URL('file:///target.js'), 1))
  exactly<MapResult<number>>()(ctx.pullResultsForTask<number>({ id: '', namespace: '' }))
}

export async function processesThemselves(ctx: Context<Shop>, address: string): Promise<void> {
  const made = new Process((_state: State<Shop>, n: number) => n > 1, address, { args: [2] })
  exactly<boolean>()(await made.wait({ timeout: 100 }))
  exactly<number>()(made.start())
  exactly<number | null>()(await made.stop({ killAfter: 100 }))
  exactly<number | undefined>()(made.pid)
  exactly<number | null>()(made.exitCode)
  exactly<Readable | null>()(made.stdout)
  // What a module exports is not known here.
  const ofModule = ctx.process(new URL('file:///target.js'), { args: [1] })
  exactly<unknown>()(await ofModule.wait())
  exactly<Process<unknown>[]>()(ctx.processFactory([new URL('file:///a.js'), new URL('file:///b.js')]))
  const decorated = ctx.process({ stateful: false, args: [1, 'two'] })((n: number, text: string) => ({
    n,
    text,
  }))
  exactly<{ n: number; text: string }>()(await decorated.wait())
  const slow = async (_state: State<Shop>) => [1, 2]
  exactly<Process<number[]>[]>()(ctx.processFactory([slow, slow], { count: 2 }))
  exactly<unknown[]>()(await ctx.waitAll({ safe: true, timeout: 5 }))
  exactly<Process<unknown>[]>()(ctx.processList)
  exactly<Process<void>>()(ctx.callWhenEqual('cookies', 0)(() => 'what it returns is nobody’s'))
  ctx.callWhenNotNone('owner', { passContext: true, args: [5] })((snapshot, inner, five: 5) => {
    exactly<string>()(snapshot.owner.name)
    exactly<Context<Shop>>()(inner)
    exactly<5>()(five)
  })
  ctx.callWhenEqual('cookies', 0)(({ cookies }) => exactly<0>()(cookies))
  ctx.callWhenAvailable('owner', { stateful: false })(({ owner }) => exactly<string>()(owner.name))
  const { name, signal, parent } = currentProcess()
  exactly<string>()(name)
  exactly<AbortSignal>()(signal)
  exactly<{ readonly name: string; readonly pid: number } | null>()(parent)
  for await (const event of ctx.events()) {
    if (event.type === 'retrying') exactly<number>()(event.delay)
    if (event.type === 'exited') exactly<number | null>()(event.exitCode)
    if (event.type === 'started') exactly<Process<unknown>>()(event.process)
  }
}

/** Metrics are text; a logger is what pino is. */
export async function metrics(server: Server): Promise<void> {
  exactly<string>()(await server.metrics())
  const entries: [object, string][] = []
  const say = (details: object, message: string) => entries.push([details, message])
  const logger: Logger = { info: say, warn: say, error: say }
  await startServer(null, { logger })
  new Context({ logger: { ...logger, debug: say, trace: say } as Logger })
}

/** The messages of channels. */
export function traced(channels: TracingChannels): () => void {
  const { 'zproc:command': command, 'zproc:item': item } = channels
  exactly<CommandTrace>()(command)
  exactly<ItemTrace>()(item)
  exactly<readonly string[]>()(command.keys)
  exactly<string | undefined>()(command.function)
  exactly<undefined>()(command.result)
  exactly<TraceContext | undefined>()(item.trace)
  exactly<'item' | 'call'>()(item.unit)
  exactly<() => () => void>()(instrument)
  return instrument()
}

/** What a server says of itself. */
export async function described(address: string): Promise<void> {
  const { server, locks, readers, sessions, processes, pools, leftOut } = await describeServer(address, {
    limit: 10,
  })
  exactly<'process' | 'thread' | 'inline' | 'redis'>()(server.backend)
  for (const { waitsFor } of readers)
    exactly<'commits' | 'reader' | 'connection' | 'disk' | 'nothing'>()(waitsFor)
  for (const { lost } of sessions) exactly<number | null>()(lost)
  for (const { queue } of locks) exactly<string | undefined>()(queue[0]?.call)
  exactly<number>()(leftOut.sessions)
  for (const { state, end } of processes) {
    exactly<'new' | 'starting' | 'running' | 'stopping' | 'retrying' | 'ended'>()(state)
    exactly<number | null | undefined>()(end?.exitCode)
  }
  for (const { workers, maps } of pools) {
    exactly<'item' | 'call' | undefined>()(workers[0]?.has?.unit)
    exactly<number | null | undefined>()(maps[0]?.total)
  }
  exactly<string[]>()(diagnose(await describeServer(address), await describeServer(address)))
}

/** A state of no stated type takes any key. */
export async function looseState(address: string): Promise<void> {
  const state = new State(address)
  await state.set('anything', 1)
  const anything: number = await state.get('anything')
  await state.set('anything', anything + 1)
}
