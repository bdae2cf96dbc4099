import { monotonic, wallClock } from '../../async/interval.ts'
import type {
  LockDescription,
  NamespaceDescription,
  ServerDescription,
  SessionDescription,
} from '../../protocol/description.ts'
import type { RedisConnection } from './connection.ts'
import { keysOf, namespaceOf } from './keys.ts'
import { keys, script } from './scripts.ts'

// What can be known of the processes that use a Redis, by what is stored there: it is read, and nothing is written for it.

/** How each connection of zproc's is called, which CLIENT LIST shows: `zproc:<pid>:<session>`. */
export const clientName = (session: number): string => `zproc:${process.pid}:${session.toString(36)}`
const CLIENT_NAME = /^zproc:(\d+):([0-9a-z]+)$/

/** What no key of Redis tells. */
const UNKNOWN = [
  'how many States are open, who watches and how far behind they are: each process counts its own',
  'atomic functions and their times: they run in the processes that call them',
  'processes, pools and maps of Contexts: there is no server to ask them',
]
const NO_CLIENTS = 'processes that have not written lately: this user may not ask CLIENT LIST'
const MORE_KEYS = 'namespaces among more keys than are looked through'

// Milliseconds for which the names of namespaces are taken as known; keys of a database that are looked through for them, at most, and
// with one command; commits of each namespace of which it is looked who made them.
const NAMES = 5000
const LOOKED = 500_000
const AT_ONCE = 1000
const RECENT = 50

/**
 * ARGV 1 how many commits. Of a namespace: the newest id, keys, the oldest id, bytes of the commits and of the values, keys with a
 * time to live, sessions that have keys and how many, who may write and until when and who waits (in turn), the time; then who made the newest
 * commits, the newest first: session, pid, name.
 */
const look = script(`${keys}
local m = redis.call('HMGET', log, 'h', 'x')
local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
local time = redis.call('TIME')
local owner, till, line = '', 0, {}
if m[2] then owner, till, line = unpack(cmsgpack.unpack(m[2])) end
local waiting = {}
for i = 1, #line, 2 do waiting[#waiting + 1] = line[i] end
local tied = {}
for _, one in ipairs(redis.call('ZRANGE', tag .. 'sessions', 0, 999)) do
  local count = redis.call('SCARD', tag .. 'tied:' .. one)
  if count > 0 then tied[#tied + 1] = {one, count} end
end
local writers, known = {}, {}
for _, entry in ipairs(redis.call('XREVRANGE', stream, '+', '-', 'COUNT', ARGV[1])) do
  local ok, _, session, _, pid, name = pcall(cmsgpack.unpack_limit, entry[2][2], 4, 1)
  if ok and not known[session] then
    known[session] = true
    writers[#writers + 1] = {string.format('%.0f', session), string.format('%.0f', pid), name}
  end
end
return {
  m[1] or '0-0', redis.call('HLEN', values), first and first[1] or false,
  redis.call('MEMORY', 'USAGE', stream) or 0, redis.call('MEMORY', 'USAGE', values) or 0,
  redis.call('ZCARD', tag .. 'due'), tied,
  owner, string.format('%.0f', till), waiting, time[1] .. '.' .. string.sub('00000' .. time[2], -6), writers,
}
`)

type Looked = [
  head: Buffer,
  keys: number,
  oldest: Buffer | null,
  streamBytes: number,
  valueBytes: number,
  due: number,
  tied: [session: Buffer, keys: number][],
  owner: Buffer,
  till: Buffer,
  waiting: Buffer[],
  time: Buffer,
  writers: [session: Buffer, pid: Buffer, name: Buffer][],
]

/** A process, as far as it has left a trace. */
interface Trace {
  pid: number
  name: string
  machine: string
  since: number
}

/** Describes the use of one Redis. It keeps what was seen when, since Redis says of a lock until when it is, and not since when. */
export class RedisDescriber {
  readonly #connection: RedisConnection
  readonly #session: number
  #names: { at: number; names: string[]; isCut: boolean } | undefined
  #seen = new Map<string, number>()
  // Which Redis it is, and when that began: it says so in whole seconds.
  #run = { id: '', started: 0 }

  constructor(connection: RedisConnection, session: number) {
    this.#connection = connection
    this.#session = session
  }

  async describe(call: string, limit: number): Promise<ServerDescription> {
    const [infos, names, clients] = await Promise.all([
      Promise.all(this.#connection.nodes().map(node => node.info())),
      this.#namespaces(),
      this.#clients(),
    ])
    const looked = await Promise.all(
      names.names.slice(0, Math.max(limit, 1)).map(async name => ({
        name,
        found: (await this.#connection.run(look, keysOf(name).log, [RECENT], call)) as Looked,
      })),
    )
    const traces = this.#traces(clients ?? new Map(), looked)
    const locks = looked.flatMap(({ name, found }) => this.#lock(name, found, traces) ?? [])
    this.#forget(locks)
    const ephemeral = ephemeralOf(looked)
    const sessions = Array.from(traces, ([session, trace]) =>
      describeSession(session, trace, ephemeral.get(session) ?? 0),
    )
    return {
      time: wallClock(),
      server: describeRedis(infos, this.#connection, this.#started(infos[0] ?? '')),
      asker: this.#session,
      namespaces: looked.map(({ name, found }) => describeNamespace(name, found)).slice(0, limit),
      sessions: sessions.slice(0, limit),
      readers: [],
      locks: locks.slice(0, limit),
      functions: [],
      processes: [],
      pools: [],
      unknown: [...UNKNOWN, ...(clients ? [] : [NO_CLIENTS]), ...(names.isCut ? [MORE_KEYS] : [])],
      leftOut: {
        namespaces: Math.max(0, names.names.length - limit),
        sessions: Math.max(0, sessions.length - limit),
        locks: Math.max(0, locks.length - limit),
        readers: 0,
        functions: 0,
        processes: 0,
        pools: 0,
      },
    }
  }

  #started(info: string): number {
    const id = field(info, 'run_id')
    if (this.#run.id !== id)
      this.#run = { id, started: wallClock() - 1000 * Number(field(info, 'uptime_in_seconds')) }
    return this.#run.started
  }

  /** The namespaces that there are, by the names of keys. */
  async #namespaces(): Promise<{ names: string[]; isCut: boolean }> {
    if (this.#names && monotonic() - this.#names.at < NAMES) return this.#names
    const names: string[] = []
    let isCut = false
    for (const node of this.#connection.nodes()) {
      let cursor = '0'
      let keys = 0
      do {
        const [next, found] = await node.scan(cursor, 'MATCH', 'zproc:{*}:log', 'COUNT', AT_ONCE)
        cursor = next
        keys += AT_ONCE
        names.push(...found.flatMap(key => namespaceOf(key) ?? []))
      } while (cursor !== '0' && keys < LOOKED)
      isCut ||= cursor !== '0'
    }
    this.#names = { at: monotonic(), names: [...new Set(names)].sort(), isCut }
    return this.#names
  }

  /** The processes that are connected; undefined: that may not be asked. */
  async #clients(): Promise<Map<number, Trace> | undefined> {
    const found = new Map<number, Trace>()
    try {
      for (const node of this.#connection.nodes()) {
        const list = String(await node.client('LIST'))
        for (const line of list.split('\n')) {
          const fields = Object.fromEntries(line.split(' ').map(part => part.split(/=(.*)/s, 2)))
          const [, pid, session] = CLIENT_NAME.exec(fields.name ?? '') ?? []
          if (!session) continue
          const since = wallClock() - 1000 * Number(fields.age)
          const before = found.get(Number.parseInt(session, 36))
          found.set(Number.parseInt(session, 36), {
            pid: Number(pid),
            name: '',
            machine: machineOf(fields.addr ?? '', fields.laddr ?? ''),
            since: Math.min(since, before?.since ?? since),
          })
        }
      }
      return found
    } catch {
      return undefined
    }
  }

  /** Those, and who has written lately, with the names that commits have. */
  #traces(clients: Map<number, Trace>, looked: { found: Looked }[]): Map<number, Trace> {
    const traces = new Map(clients)
    for (const { found } of looked)
      for (const [session, pid, name] of found[11]) {
        const number = Number(session)
        const known = traces.get(number) ?? { pid: Number(pid), machine: '', since: wallClock() }
        // Without a connection it may have ended: of a Redis that tells its clients those are all.
        if (clients.size === 0 || clients.has(number)) traces.set(number, { ...known, name: String(name) })
      }
    return new Map([...traces].sort(([, a], [, b]) => a.since - b.since))
  }

  #lock(namespace: string, found: Looked, traces: Map<number, Trace>): LockDescription | undefined {
    const [, , , , , , , owner, till, waiting, time] = found
    // A turn to write, which takes milliseconds, is no lock: a hold has a dot in its name.
    const holder = String(owner)
    if (!holder.includes('.') || Number(till) <= 1000 * Number(time)) return undefined
    const who = (writer: string) => {
      const session = sessionOf(writer)
      const { pid = 0, name = '' } = traces.get(session) ?? {}
      return { session, pid, name }
    }
    const queue = waiting.map(String).map(writer => ({
      ...who(writer),
      call: writer.includes('.') ? 'hold' : 'commit',
      since: this.#since(`${namespace}\n${writer}`),
    }))
    return {
      namespace,
      ...who(holder),
      call: 'an async atomic function',
      since: this.#since(`${namespace}\n${holder}`),
      waiting: queue.length,
      queue,
    }
  }

  #since(what: string): number {
    const known = this.#seen.get(what) ?? wallClock()
    this.#seen.set(what, known)
    return known
  }

  /** Locks that are over are seen anew when they are there again. */
  #forget(locks: LockDescription[]): void {
    if (locks.length === 0) this.#seen.clear()
    else if (this.#seen.size > 10_000) this.#seen = new Map([...this.#seen].slice(-1000))
  }
}

/** What INFO says of something. */
const field = (info: string, name: string): string =>
  new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''

/** Keys that end with a session, of all namespaces that were looked at. */
function ephemeralOf(looked: { found: Looked }[]): Map<number, number> {
  const counts = new Map<number, number>()
  for (const { found } of looked)
    for (const [name, count] of found[6]) {
      const session = sessionOf(String(name))
      counts.set(session, (counts.get(session) ?? 0) + count)
    }
  return counts
}

/** The session of a writer, of which a hold or a lease has a name that begins like this. */
const sessionOf = (writer: string): number =>
  Number.parseInt(writer.replace(/^d:/, '').replace(/\..*/s, ''), 36)

const revisionOf = (id: Buffer): number => Number.parseInt(String(id), 10)

function describeNamespace(name: string, found: Looked): NamespaceDescription {
  const [head, size, oldest, streamBytes, valueBytes, due, tied] = found
  const revision = revisionOf(head)
  return {
    name: name.length > 200 ? `${name.slice(0, 200)}…` : name,
    revision,
    keys: size,
    oldest: oldest ? revisionOf(oldest) : revision + 1,
    historyBytes: streamBytes,
    bytes: valueBytes,
    states: null,
    ephemeral: tied.reduce((sum, [, count]) => sum + count, 0),
    ttl: due,
  }
}

const describeSession = (
  session: number,
  { pid, name, machine, since }: Trace,
  ephemeral: number,
): SessionDescription => ({
  session,
  is: 'program',
  pid,
  name,
  machine,
  since,
  lost: null,
  states: null,
  requests: null,
  ephemeral,
  silent: null,
})

/** All nodes of a cluster together; the load is that of their main threads. */
function describeRedis(
  infos: string[],
  { address, pid }: RedisConnection,
  started: number,
): ServerDescription['server'] {
  const sum = (name: string) => infos.reduce((all, info) => all + (Number(field(info, name)) || 0), 0)
  const [first = ''] = infos
  const valkey = field(first, 'valkey_version')
  const uptime = infos.length * (wallClock() - started)
  const active = 1000 * (sum('used_cpu_sys_main_thread') + sum('used_cpu_user_main_thread'))
  return {
    pid,
    address: address.shown,
    backend: 'redis',
    started,
    node: valkey ? `Valkey ${valkey}` : `Redis ${field(first, 'redis_version')}`,
    memory: { rss: sum('used_memory_rss'), heapUsed: sum('used_memory') },
    bytes: { received: sum('total_net_input_bytes'), sent: sum('total_net_output_bytes') },
    connections: sum('connected_clients'),
    eventLoop: { active, idle: Math.max(0, uptime - active) },
  }
}

/** Where a client is: `'local'` means the machine of the Redis. */
function machineOf(from: string, to: string): string {
  const host = (address: string) => address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  // A socket of the file system has a path.
  const isLocal = from.startsWith('/') || /^(127\.|::1$)/.test(host(from)) || host(from) === host(to)
  return isLocal ? 'local' : host(from)
}
