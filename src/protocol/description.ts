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
  /** How many of each list are left out, since a description is limited: see `limit` of `describeServer`. */
  leftOut: LeftOut
}

/** The process that a server runs in. */
export interface ServerProcess {
  /** Its id. */
  pid: number
  /** Where the server listens. */
  address: string
  /** `'process'`: a process of its own; `'thread'`: a worker thread; `'inline'`: among the code of a program. */
  backend: 'process' | 'thread' | 'inline'
  /** When the server began. */
  started: number
  /** `process.version`. */
  node: string
  /** Bytes: all of the process, and what of V8's heap is used. */
  memory: { rss: number; heapUsed: number }
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
  /** States that are open on it. */
  states: number
  /** Keys that end with a session. */
  ephemeral: number
  /** Keys that have a time to live. */
  ttl: number
}

/** A process that uses the server. */
export interface SessionDescription {
  /** Its number. */
  session: number
  /** The process. It means something on the machine of the client. */
  pid: number
  /** What the process is called in commits: `'main'`, or the `name` of a Process. */
  name: string
  /** `'local'`: the machine of the server, where `pid` can be looked up; else the address that it connects from. */
  machine: string
  /** When it began. */
  since: number
  /** When its connection was lost, if it has none: it may come back until the server's `graceTime` is over. */
  lost: number | null
  /** States that it has open. */
  states: number
  /** Requests that wait: for a lock, for the disk, for code, or until the client takes its answers. */
  requests: number
  /** Keys that end with it. */
  ephemeral: number
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

/** How many items of each list a description leaves out. */
export type LeftOut = {
  [List in 'namespaces' | 'sessions' | 'readers' | 'locks' | 'functions']: number
}
