/** What a server says of itself: see `describeServer`. Times are milliseconds since 1970 by the server's clock. */
export interface ServerDescription {
  /** When the server said this. Rates come of two descriptions: commits by `revision`, load by `eventLoop`. */
  time: number
  /** The process of the server. */
  server: ServerProcess
  /** The session that asked: one of `sessions`, unless `limit` is 0. */
  asker: number
  /** The namespaces that have keys or States, those with the most commits first. */
  namespaces: NamespaceDescription[]
  /** The clients, the oldest first: each process has one session for all its States on this server. */
  sessions: SessionDescription[]
  /** Who reads the log of a namespace, for watchers and views: those that are the furthest behind first. */
  readers: ReaderDescription[]
  /** The namespaces that an `async` atomic function has to itself at present, the longest first. */
  locks: LockDescription[]
  /** The atomic functions that the server keeps, those first whose calls took the longest in all. */
  functions: FunctionDescription[]
  /** The processes that Contexts have started, workers of pools apart; those of one Context together, in order. */
  processes: ProcessDescription[]
  /** The pools of Contexts, and of `zproc worker`, that have workers or work. */
  pools: PoolDescription[]
  /** What of all this is not known, in words: at a Redis, which is no server of zproc's. */
  unknown: string[]
  /** How many of each list are left out, since a description is limited: see `limit` of `describeServer`. */
  leftOut: LeftOut
}

/** The process that a server runs in. */
export interface ServerProcess {
  /** Its id. */
  pid: number
  /** Where the server listens. */
  address: string
  /** `'process'`: a process of its own; `'thread'`: a worker thread; `'inline'`: among the code of a program; `'redis'`: a Redis. */
  backend: 'process' | 'thread' | 'inline' | 'redis'
  /** When the server began. */
  started: number
  /** `process.version`; of a Redis `'Redis 7.2.4'`. */
  node: string
  /** Bytes: all of the process, and what of V8's heap is used, or of what Redis has for data. */
  memory: { rss: number; heapUsed: number }
  /** Bytes that came over its connections, and left, since it began. */
  bytes: { received: number; sent: number }
  /** Sessions that have a connection. */
  connections: number
  /** Milliseconds in which its thread has worked, and has waited, since it began: the load of a time is their growth in it. */
  eventLoop: { active: number; idle: number }
}

/** A log, and what it adds up to. */
export interface NamespaceDescription {
  /** Its name. */
  name: string
  /** Commits since it began. */
  revision: number
  /** Keys that it has. */
  keys: number
  /** The oldest commit that is in memory; `revision + 1`: none is. A data folder may keep older ones. */
  oldest: number
  /** Bytes of memory that the commits take besides the state, about; 0 where `historyBytes` is `Infinity`. */
  historyBytes: number
  /** Bytes of memory that the state takes, about; null: that is not counted. Redis counts it. */
  bytes: number | null
  /** States that are open on it; null: that is not known. */
  states: number | null
  /** Keys that end with a session. */
  ephemeral: number
  /** Keys that have a time to live. */
  ttl: number
}

/** A process that uses the server. */
export interface SessionDescription {
  /** Its number. */
  session: number
  /** `'spare'`: a child process that a Context keeps ready for its next process, which runs nothing yet; else `'program'`. */
  is: 'program' | 'spare'
  /** The process. It means something on the machine of the client. */
  pid: number
  /** What the process is called in commits: `'main'`, or the `name` of a Process; `'spare'` where it is a spare. */
  name: string
  /** `'local'`: the machine of the server, where `pid` can be looked up; else the address that it connects from. */
  machine: string
  /** When it began. */
  since: number
  /** When its connection was lost, if it has none: it may come back until the server's `graceTime` is over. */
  lost: number | null
  /** States that it has open; null: that is not known. */
  states: number | null
  /** Requests that wait: for a lock, for the disk, for code, or until the client takes its answers; null: that is not known. */
  requests: number | null
  /** Keys that end with it. */
  ephemeral: number
  /**
   * For how many milliseconds it has not answered the question what processes it has: its event loop has not turned since, and
   * what is said of its processes is older than that. null: it has answered, or has no Context with processes.
   */
  silent: number | null
}

/** Who reads a log: what the States of one process watch on one namespace, or a view. */
export interface ReaderDescription {
  /** The session that reads. */
  session: number
  /** Its process. */
  pid: number
  /** The name of that process. */
  name: string
  /** What it reads. */
  namespace: string
  /** Commits that it has not been sent. */
  behind: number
  /** Bytes that it was sent and has not used: commits that wait in the process, to be handed to its watchers. */
  unread: number
  /**
   * `'commits'`: it has been sent all there are; `'reader'`: it has not used what it was sent, as when the body of a loop takes
   * long; `'connection'`: the connection is lost or takes no more; `'disk'`: older commits are being read; `'nothing'`: what it
   * would be sent next is no longer kept, which its watchers are told when they ask for it.
   */
  waitsFor: 'commits' | 'reader' | 'connection' | 'disk' | 'nothing'
  /** Since when. */
  since: number
}

/** A namespace that one client has to itself. */
export interface LockDescription {
  /** Its name. */
  namespace: string
  /** The session that has it. */
  session: number
  /** The process. */
  pid: number
  /** The name of that process. */
  name: string
  /** What it does: `'atomic function settle'`. */
  call: string
  /** Since when. */
  since: number
  /** How many calls wait until it ends. */
  waiting: number
  /** The first of them. */
  queue: WaitingDescription[]
}

/** A call that waits for a lock to end. */
export interface WaitingDescription {
  /** The session that made it. */
  session: number
  /** The process. */
  pid: number
  /** The name of that process. */
  name: string
  /** What it waits to do: `'set'`, `'atomic'`; `'hold'`: to run an `async` atomic function. */
  call: string
  /** Since when. */
  since: number
}

/** An atomic function that runs at the server. */
export interface FunctionDescription {
  /** Its name; `''` if it has none. */
  name: string
  /** Where it is written: `'/srv/app/orders.js:12'`, in the code as it was run; `''` if that is not known. */
  place: string
  /** How often it was called. */
  calls: number
  /** How many of the calls were timed: the first ones, each that comes to a loop or a callback, and one in 16 of the others. */
  timed: number
  /** Milliseconds that those took in all: meanwhile the server serves nobody else. */
  ms: number
  /** Milliseconds that the longest of them took. */
  longest: number
}

/** What is known of the memory and the event loop of a child. */
export interface Vitals {
  /** Bytes: all memory of a process, the heap of a thread; null: it has not said yet. */
  memory: number | null
  /** Milliseconds in which its event loop has worked, and has waited, since it began; null: it has not said yet. */
  eventLoop: { active: number; idle: number } | null
  /** For how many milliseconds it has not answered a question: its event loop has not turned since. null: it has answered. */
  silent: number | null
}

/** A process that a Context has started. */
export interface ProcessDescription extends Vitals {
  /** The session of the program that started it. */
  session: number
  /** The pid of that program. */
  parent: number
  /** Its number among those that the program has started. */
  id: number
  /** Its name. */
  name: string
  /** The name of the function that it runs, or the path of the module. */
  target: string
  /** What it runs in. */
  backend: 'process' | 'thread'
  /** The process id of the current attempt, or of the last one; null: there was none. A thread has that of its program. */
  pid: number | null
  /** `'retrying'`: it failed, and waits for the next attempt. */
  state: 'new' | 'starting' | 'running' | 'stopping' | 'retrying' | 'ended'
  /** When that began. */
  since: number
  /** The number of the attempt: 1 at first, 0 before that. */
  attempt: number
  /** How often it was started again within the last 10 seconds, 100 times at most. */
  recentRestarts: number
  /** How the last attempt that ended did; null: none has. */
  end: EndDescription | null
}

/** How an attempt of a process ended. */
export interface EndDescription {
  /** When. */
  time: number
  /**
   * `'returned'`: its target did; `'error'`: that threw; `'boot'`: it failed before its target ran; `'memory'`: the heap grew
   * over its limit; `'exit'`: it ended with an exit code of its own; `'signal'`: a signal ended it.
   */
  reason: 'returned' | 'error' | 'boot' | 'memory' | 'exit' | 'signal'
  /** The exit code; minus the number of the signal that ended it; null: there is none. */
  exitCode: number | null
  /** The name of the class of what was thrown; `''`: nothing was, or that is not known. */
  error: string
}

/** Workers, and the maps and calls whose items they are given. */
export interface PoolDescription {
  /** The session of the program that has it. */
  session: number
  /** The pid of that program. */
  parent: number
  /** `'own'`: of a Context; `'shared'`: its part in the pool of a namespace; `'host'`: the workers of a `zproc worker`. */
  kind: 'own' | 'shared' | 'host'
  /** The workers, those first that have had an item for the longest time. */
  workers: WorkerDescription[]
  /** How many of them are left out. */
  moreWorkers: number
  /** The maps and calls that have work, the oldest first. */
  maps: MapDescription[]
  /** How many of them are left out. */
  moreMaps: number
}

/** A worker of a pool. */
export interface WorkerDescription extends Vitals {
  /** Its number among the processes that its program has started; null: it is the worker of another program. */
  id: number | null
  /** Its number in the pool. */
  number: number
  /** Its process id; null: it is not known here. */
  pid: number | null
  /** What it runs in; `'elsewhere'`: in a `zproc worker`. */
  backend: 'process' | 'thread' | 'elsewhere'
  /** What it has in hand; null: nothing, or that is not known here. */
  has: ItemsDescription | null
}

/** A line that a process has printed. */
export interface OutputLine {
  /** When it arrived where it is kept. */
  time: number
  stream: 'stdout' | 'stderr'
  text: string
}

/** What a worker has in hand. */
export interface ItemsDescription {
  /** The name of the function. */
  function: string
  /** `'item'`: of a map; `'call'`: of `ctx.run`. */
  unit: 'item' | 'call'
  /** The number of the first item that has no result yet, from 0 on. */
  first: number
  /** How many it has from there on; it does one after the other. */
  count: number
  /** Since when, to a second. */
  since: number
}

/** A map, or the calls of a function by `ctx.run`. */
export interface MapDescription {
  /** Its number in the pool. */
  number: number
  /** The name of the function. */
  function: string
  /** `'item'`: a map; `'call'`: calls of `ctx.run`. */
  unit: 'item' | 'call'
  /** Items, or calls, that have their result. */
  done: number
  /** How many there are in all; null: that is not known. */
  total: number | null
  /** Those that have been read and wait for a worker. */
  waiting: number
}

/** How many items of each list a description leaves out. */
export type LeftOut = {
  [List in 'namespaces' | 'sessions' | 'readers' | 'locks' | 'functions' | 'processes' | 'pools']: number
}
