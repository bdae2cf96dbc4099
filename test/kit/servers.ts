import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext } from 'node:test'
import { type AnyState, type Server, type ServerOptions, State, startServer } from 'zproc'
import { elsewhere } from './elsewhere.ts'
import { noRedis, type RedisHome, startCluster, startRedis } from './redis.ts'

/** What can be set for every home of a state. */
type Settings = Pick<ServerOptions, 'historyLimit' | 'atomicTimeout' | 'graceTime'>

/** Somewhere for states to be, while it runs. */
export interface Home {
  address: string
  pid?: number | undefined
  /** What whoever joins it has to have. */
  secretKey?: string | undefined
  /** Another one of the same kind, with settings of its own. */
  beside(settings: Settings): Promise<Home>
  stop(): Promise<unknown>
}

/** `npm test` runs the contract on two homes, `npm run test:all` on all of them. Otherwise a part of the names of some. */
const asked = process.env.ZPROC_HOMES ?? ''
const isAsked = (home: { name: string; isFast?: boolean }): boolean =>
  asked === 'two' ? home.isFast === true : home.name.includes(asked)

/** The ways to have a server: whatever the contract says holds for each of them. */
const servers = [
  { name: 'a process, over ipc', isFast: true, start: async () => (await own({ backend: 'process' })).home },
  { name: 'inline, over ipc', start: async () => (await own({ backend: 'inline' })).home },
  {
    name: 'inline, over tcp',
    start: async () => (await own({ backend: 'inline' }, 'tcp://127.0.0.1:0')).home,
  },
  { name: 'a thread, over ipc', start: async () => (await own({ backend: 'thread' })).home },
  {
    name: 'inline, with a data folder',
    // What is no longer in memory is read from disk: see test/storage/past.test.ts.
    forgetsNothing: true,
    start: () => withData({}),
  },
  {
    name: 'inline, over tcp, with a key',
    isFast: true,
    start: async () => (await own({ backend: 'inline', secretKey: 'muchsecret' }, 'tcp://127.0.0.1:0')).home,
  },
]
/** And to have none: see docs/redis.md. */
const engines = [
  { name: 'redis', start: shared(() => startRedis()) },
  { name: 'a cluster of three', start: shared(() => startCluster()) },
]

async function own(
  options: ServerOptions,
  address: string | null = null,
): Promise<{ server: Server; home: Home }> {
  const server = await startServer(address, options)
  const home: Home = {
    address: server.address,
    pid: server.pid,
    secretKey: options.secretKey,
    beside: async settings => (await own({ ...options, ...settings }, address)).home,
    stop: () => server.stop(),
  }
  return { server, home }
}

/** A server that keeps its states in a folder of its own. */
async function withData(settings: Settings): Promise<Home> {
  const data = mkdtempSync(join(tmpdir(), 'zproc-data-'))
  const { home } = await own({ backend: 'inline', data, ...settings })
  const stop = async () => {
    await home.stop()
    rmSync(data, { recursive: true })
  }
  return { ...home, beside: more => withData({ ...settings, ...more }), stop }
}

// One for all the contracts of a file: a cluster takes a while to come up.
function shared(start: () => Promise<RedisHome>): () => Promise<Home> {
  let started: Promise<RedisHome> | undefined
  after(async () => (await started?.catch(() => undefined))?.stop())
  return async () => {
    started ??= start()
    const { address, servers } = await started
    const beside = async (settings: Settings): Promise<Home> => {
      const query = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
      return { address: `${address}?${query.join('&')}`, beside, stop: async () => {} }
    }
    return { address, pid: servers[0]?.pid, beside, stop: async () => {} }
  }
}

/** One home, and States on it in namespaces that no other test uses. */
export interface Room {
  server(): { address: string; pid?: number | undefined }
  /** What the server asks of those who join it. */
  readonly secretKey: string | undefined
  /** A State that nobody else shares. */
  state<S extends object = AnyState>(t: TestContext): State<S>
  /** Two States of one namespace, each with a connection of its own, that have begun when it is empty. */
  pair(t: TestContext): Promise<[State, State]>
  /** The same, of which both begin when the state is `initial`. */
  pairAt(t: TestContext, initial: AnyState): Promise<[State, State]>
  /** Another State of the same namespace. Resolves when it has begun, at the newest revision. */
  beside<S extends object>(t: TestContext, state: State<S>): Promise<State<S>>
  /** A room of the same kind with other settings. */
  set(t: TestContext, settings: Settings): Promise<Room>
}

/** The same tests, once for each home that a state can have. */
export function contract(title: string, define: (room: Room) => void): void {
  serverContract(title, define)
  engineContract(title, define)
}

function engineContract(title: string, define: (room: Room) => void): void {
  for (const { name, start } of engines.filter(isAsked))
    describe(`${title} (${name})`, { skip: noRedis }, () => inHome(start, define))
}

/** The same tests, once for each way to have a server. */
export function serverContract(title: string, define: (room: Room) => void): void {
  for (const { name, start } of servers.filter(isAsked))
    describe(`${title} (${name})`, () => inHome(start, define))
}

/** The same for homes that forget the commits beyond their `historyLimit`. */
export function forgettingContract(title: string, define: (room: Room) => void): void {
  for (const { name, start } of servers.filter(isAsked).filter(server => !server.forgetsNothing))
    describe(`${title} (${name})`, () => inHome(start, define))
  engineContract(title, define)
}

function inHome(start: () => Promise<Home>, define: (room: Room) => void): void {
  let home: Home
  before(async () => {
    home = await start()
  })
  after(() => home?.stop())
  define(roomOf(() => home))
}

/** A room whose server is the test's own. */
export interface OwnRoom extends Room {
  server(): Server
}

/** A server of this test's own, in this process unless told otherwise. */
export async function room(
  t: TestContext,
  options: ServerOptions = {},
  address: string | null = null,
): Promise<OwnRoom> {
  const { server, home } = await own({ backend: 'inline', ...options }, address)
  t.after(() => server.stop())
  return { ...roomOf(() => home), server: () => server }
}

function roomOf(home: () => Home): Room {
  const open = <S extends object>(t: TestContext, address: string, namespace: string) => {
    const state = new State<S>(address, { namespace, secretKey: home().secretKey })
    t.after(() => state.close())
    return state
  }
  return {
    server: home,
    get secretKey() {
      return home().secretKey
    },
    state: t => open(t, home().address, randomUUID()),
    pair: async t => {
      const namespace = randomUUID()
      const { address } = home()
      return begun(open<AnyState>(t, address, namespace), open<AnyState>(t, elsewhere(address), namespace))
    },
    pairAt: async (t, initial) => {
      const namespace = randomUUID()
      const { address } = home()
      await open<AnyState>(t, address, namespace).set(initial)
      return begun(open<AnyState>(t, address, namespace), open<AnyState>(t, elsewhere(address), namespace))
    },
    beside: async (t, state) => {
      const other = state.fork()
      t.after(() => other.close())
      await other.size()
      return other
    },
    set: async (t, settings) => {
      const beside = await home().beside(settings)
      t.after(() => beside.stop())
      return roomOf(() => beside)
    },
  }
}

async function begun(...states: [State, State]): Promise<[State, State]> {
  await Promise.all(states.map(state => state.size()))
  return states
}
