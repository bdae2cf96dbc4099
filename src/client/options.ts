import {
  anyText,
  count,
  flag,
  instanceOf,
  positiveTime,
  secret,
  signal,
  text,
  time,
} from '../protocol/kinds.ts'
import { DESCRIBED } from '../protocol/messages.ts'
import type { OptionsOf } from '../protocol/options.ts'

export const stateFields = {
  /** The log that the State reads and writes: namespaces of one server share nothing. Default `'default'`. */
  namespace: text,
  /** The key that the server was started with. Default: none. */
  secretKey: secret,
  /**
   * Milliseconds that connecting may take, and connecting again to a server that was lost; then calls reject with a
   * ConnectionError. Default 10,000.
   */
  connectTimeout: time(),
}

/** How a State connects to its server. */
export interface StateOptions extends OptionsOf<typeof stateFields> {}

export const forkFields = {
  ...stateFields,
  /** The server that the new State uses. Default: this State's. */
  serverAddress: text,
}

/** What a fork has of its own; the rest is that of the State that it is made from. */
export interface ForkOptions extends OptionsOf<typeof forkFields> {}

export const setFields = {
  /**
   * true: the key is deleted when this process's session with the server ends: it has closed its States, or has
   * ended, or was away for longer than the server's `graceTime`. Default false.
   */
  ephemeral: flag,
  /** Milliseconds after which the key is deleted, more than 0. Default `Infinity`: it stays. */
  ttl: positiveTime,
}

/** What `set` and `setDefault` tie a key to. Any later `set` or `update` of the key replaces that; atomic functions do not. */
export interface SetOptions extends OptionsOf<typeof setFields> {}

export const watchFields = {
  /**
   * true: a one-shot watcher starts from now, and a loop may skip updates. Default false: every update since the last
   * one that the State was handed.
   */
  live: flag,
  /**
   * true: the State's own writes are changes too. Default false: a change is an update by others. Not for conditions,
   * which are tested after every update.
   */
  own: flag,
  /** Milliseconds until a TimeoutError; in a loop, for each step. Default: none. */
  timeout: time(),
  /** true: an update that left everything equal counts too. Default false. */
  duplicateOkay: flag,
  /** To abort it rejects the watcher with its reason. Default: none. */
  signal,
}

/** How a watcher waits. */
export interface WatchOptions extends OptionsOf<typeof watchFields> {}

export const loopFields = {
  ...watchFields,
  /**
   * The loop begins at this revision, as if the State had been handed it last: a condition is tested on the state there, and
   * then each later update comes. Default: where the State is.
   */
  from: count(0),
}

/** How a loop watches. */
export interface LoopOptions extends OptionsOf<typeof loopFields> {}

export const changeFields = {
  ...watchFields,
  /** true: watch all keys but the ones given. Default false. */
  exclude: flag,
}

/** How a watcher of changes waits. */
export interface ChangeOptions extends OptionsOf<typeof changeFields> {}

export const changeLoopFields = {
  ...loopFields,
  /** true: watch all keys but the ones given. Default false. */
  exclude: changeFields.exclude,
}

/** How a loop of changes watches. */
export interface ChangeLoopOptions extends OptionsOf<typeof changeLoopFields> {}

export const viewFields = {
  /** The view begins with the state at this revision, and goes on from there. Default: the newest. */
  from: count(0),
}

/** How a view begins. */
export interface ViewOptions extends OptionsOf<typeof viewFields> {}

export const historyFields = {
  /** The revision of the oldest commit. Default: the oldest that is kept. */
  from: count(1),
  /** The revision of the newest commit. Default: the newest when the first is asked for. */
  to: count(1),
  /** Only commits that wrote this key. Default: all. */
  key: anyText,
  /** true: the newest first. Default false. */
  reverse: flag,
}

/** Which commits `state.history` gives. */
export interface HistoryOptions extends OptionsOf<typeof historyFields> {}

export const connectedFields = {
  /** Milliseconds until a TimeoutError. Default: none. */
  timeout: time(),
  /** The bytes that the server sends back. Default: 56 random ones. */
  sentPayload: instanceOf(Uint8Array<ArrayBufferLike>, 'a Uint8Array'),
}

/** The options of a ping over a connection that is there: `state.ping` and `ctx.ping`. */
export interface ConnectedPingOptions extends OptionsOf<typeof connectedFields> {}

export const pingFields = {
  /** The key that the server was started with. Default: none. */
  secretKey: secret,
  ...connectedFields,
}

export const describeFields = {
  /** The key that the server was started with. Default: none. */
  secretKey: secret,
  /** Milliseconds until a TimeoutError. Default 5000. */
  timeout: time(),
  /** The most items of each list; a description says how many it leaves out. 0 to 1000. Default 100. */
  limit: count(0, DESCRIBED),
}

/** How `describeServer` asks a server. */
export interface DescribeServerOptions extends OptionsOf<typeof describeFields> {}

export const waitFields = {
  /** Milliseconds until a TimeoutError. Default: none. */
  timeout: time(),
  /** The key that the server was started with. Default: none. */
  secretKey: secret,
}

/** How `waitForServer` waits. */
export interface WaitForServerOptions extends OptionsOf<typeof waitFields> {}

/** How `ping` asks a server. */
export interface PingOptions extends OptionsOf<typeof pingFields> {}
