import type { ContextReport, OutputReport } from './context-report.ts'
import type { Ask } from './kinds-of-requests.ts'
import type { Wire } from './values.ts'

// The whole wire protocol. A connection carries frames (see frames.ts); a frame is a msgpack array of messages, or a
// number: how many frames of messages its sender has received in this session, which also stands for "I am here".
// A message is an array that begins with its kind (of requests: see kinds-of-requests.ts). `id` names a request: its reply
// carries the same one. `state` names a State of the session, `feed` an open reading of a namespace's log; clients pick both.
// A session outlives its connection for a while: after the hellos of the next one each side sends again the frames that
// the other has not received, so that nothing is lost and nothing happens twice.

export const PROTOCOL = 'zproc'
export const VERSION = 1

/** The first frame of each side. Its shape never changes, so that any two versions can tell each other apart. */
export type Hello = [protocol: string, version: number, hello: ClientHello | ServerHello | Refusal]
export interface ClientHello {
  pid: number
  /** What the client ends with: its thread, if that is not its process. */
  life?: number
  /** Where these mean something; see transport/machine.ts. */
  machine?: string
  /** The session's secret: 16 random bytes. Without one the session ends with its connection. */
  token?: Uint8Array
  /** Counts the connections that were tried with this token: an older one does not come back. */
  attempt?: number
  /** The session to go on with, its server's log, and how many of its frames have arrived. -1: begin it anew. */
  session?: number
  log?: string
  /** `ServerHello.start` of the server that it had that session with. */
  start?: string
  received?: number
}
export interface ServerHello {
  pid: number
  session: number
  maxMessageBytes: number
  /** Requests that may be under way at a time. */
  maxInFlight: number
  /** Another one stands for another server, which knows nothing of what was before. */
  log: string
  /** Another one: the server was started again since. */
  start: string
  /** Whether the session goes on; how many frames of it have arrived. */
  resumed: boolean
  received: number
  /** Whether a session that does not go on is known all the same: what is asked again of it is done once. */
  remembers: boolean
  /** The address, if it was picked for this server alone: once nobody answers there, nobody will. */
  home: string | undefined
}
/** Why the server ends the connection at once. */
export interface Refusal {
  refused: string
  /** It is for want of the secret key. */
  key?: true
}

/**
 * The most bytes of requests, as `weigh` counts them, that a client has under way, unless it is a single request; calls
 * beyond wait in the client. A session that asks further ahead is ended.
 */
export const AHEAD = 16 << 20

/** Functions that a session has numbers for; the number of the oldest goes when there is one more. */
export const NUMBERED = 1000

/** The most lines of output that a process is asked for. */
export const PRINTED = 100

/** The most items that a list of a ServerDescription has. */
export const DESCRIBED = 1000

/** Watches of descriptions that a session has at most, and the fewest milliseconds from one description to the next. */
export const WATCHES = 16
export const SOONEST = 100

/** The most calls that one message asks for: a few bytes must not make a server say, or do, any amount. */
export const RUN = 64

export type Entry = [key: string, value: Wire]

/** A field of ServerDescription, and its value as msgpack. */
export type DescriptionPart = [name: string, value: Uint8Array]

/** What a key is tied to when it is put: to the session of its writer, to so many milliseconds (null: any number), or to both. */
export type WireLease = [ephemeral: boolean, ttl: number | null]

/** The kinds with a key and a value. */
export type ValuedKind = typeof Ask.set | typeof Ask.setDefault

export type ClientMessage =
  | [kind: typeof Ask.ping, id: number, payload: Uint8Array]
  /** Answered when all that was committed before is on disk. */
  | [kind: typeof Ask.flushed, id: number]
  /** Replies with a ServerDescription, whose lists have `limit` items at most: no more than DESCRIBED. */
  | [kind: typeof Ask.describe, id: number, limit: number]
  /**
   * From now on the client is sent ServerDescriptions as `watch`, the first at once and then one every `ms` milliseconds, SOONEST at
   * least: see Tell.described. In place of a watch of that number, if there is one.
   */
  | [kind: typeof Ask.watch, watch: number, ms: number, limit: number]
  | [kind: typeof Ask.unwatch, watch: number]
  /** The session has processes of a Context: it can be asked for them, see Tell.report. */
  | [kind: typeof Ask.reports]
  /** What was asked for by Tell.report. */
  | [kind: typeof Ask.reported, report: ContextReport]
  /** Ends process number `process` of the program that has this session. Replies with whether there is one. */
  | [kind: typeof Ask.end, id: number, session: number, process: number]
  /** Replies with the OutputReport of process number `process` of the program that has this session; null: there is none. */
  | [kind: typeof Ask.output, id: number, session: number, process: number]
  /** What was asked for by Tell.output; null: there is no such process. */
  | [kind: typeof Ask.printed, question: number, report: OutputReport | null]
  /** A State begins: replies with the revision it starts at. `isSpare`: it is that of a spare child process. */
  | [kind: typeof Ask.open, id: number, state: number, namespace: string, name: string, isSpare?: true]
  | [kind: typeof Ask.close, state: number]
  /** The session is over. */
  | [kind: typeof Ask.leave]
  | [kind: typeof Ask.get | typeof Ask.has | typeof Ask.lease, id: number, state: number, key: string]
  | [
      kind: typeof Ask.size | typeof Ask.keys | typeof Ask.values | typeof Ask.items,
      id: number,
      state: number,
    ]
  | [kind: typeof Ask.equals, id: number, state: number, entries: Entry[]]
  /** Asks for commits from revision `first` on (0: from the oldest kept), up to `last` at most: replies with a LogPage. */
  | [kind: typeof Ask.page, id: number, state: number, first: number, last: number, wantsState: boolean]
  /** Asks for the revision at a time (ms since 1970). */
  | [kind: typeof Ask.when, id: number, state: number, time: number]
  | [kind: ValuedKind, id: number, state: number, key: string, value: Wire, lease?: WireLease]
  | [kind: typeof Ask.replace | typeof Ask.update, id: number, state: number, entries: Entry[]]
  | [kind: typeof Ask.delete | typeof Ask.pop, id: number, state: number, key: string]
  | [kind: typeof Ask.clear | typeof Ask.popItem, id: number, state: number]
  /**
   * Calls function number `fn` of this connection on the state; `times`: as requests `id`, `id + 1`, … of so many, RUN at most.
   * `trace`: the traceparent and tracestate of the call, where a tracing system gives them.
   */
  | [
      kind: typeof Ask.atomic,
      id: number,
      state: number,
      fn: number,
      args: Wire[],
      times?: number,
      trace?: string[],
    ]
  /**
   * Gives number `fn`, which is used for no other, to the function with this hash. Without bytes: the server asks for
   * them if it needs them; and then without a hash: the client cannot send them.
   */
  | [kind: typeof Ask.define, fn: number, hash: string | null, bytes: Uint8Array | null]
  /** Asks to be the only writer: replies with a Grant when it is this State's turn. */
  | [kind: typeof Ask.hold, id: number, state: number, label: string]
  /** Ends hold number `hold` with one commit, or with none. */
  | [kind: typeof Ask.release, id: number, state: number, hold: number, changes: WireChange[] | null]
  /** Reads the log on from revision `from` (-1: from now; see `orOldestKept`), `credit` bytes ahead of what is consumed. */
  | [kind: typeof Ask.feed, id: number, state: number, feed: number, from: number, credit: number]
  | [kind: typeof Ask.credit, feed: number, bytes: number]
  /** Takes a feed to the newest revision: replies with a Jump over what lies between. */
  | [kind: typeof Ask.seek, id: number, feed: number]
  | [kind: typeof Ask.unfeed, feed: number]
  /**
   * The client, which has `received` so many frames, awaits an update since the requests before this one in the frame: their
   * answers may be sent with it, unless it is on its way already.
   */
  | [kind: typeof Ask.awaiting, received: number]

export const Tell = {
  ok: 0,
  missing: 1,
  error: 2,
  committed: 3,
  unknownFunction: 4,
  runHere: 5,
  done: 6,
  part: 7,
  updates: 10,
  fellBehind: 11,
  holdEnded: 12,
  ended: 13,
  report: 14,
  endProcess: 15,
  described: 16,
  output: 17,
} as const

export type ServerMessage =
  | [kind: typeof Tell.ok, id: number, result: unknown]
  /** The key is not there: what `get` and `pop` turn into their fallback or KeyError. */
  | [kind: typeof Tell.missing, id: number]
  | [kind: typeof Tell.error, id: number, error: Wire]
  /** The call is commit number `revision`; one that changed nothing says `unchangedAt` of the revision that it found. */
  | [kind: typeof Tell.committed, id: number, revision: number, result: Wire | Entry]
  /** The calls `id`, `id + 1`, … of which there are `count`, are commits `revision`, `revision + 1`, …, and result in nothing. */
  | [kind: typeof Tell.done, id: number, revision: number, count: number]
  /** Entries of the state that request `id` asked for, as a msgpack array: its answer comes behind all of them. */
  | [kind: typeof Tell.part, id: number, entries: Uint8Array]
  /** Not an answer: the call and all that was asked after it wait until the client has defined number `fn` with its bytes. */
  | [kind: typeof Tell.unknownFunction, id: number, fn: number]
  /** This server runs no functions: whoever calls one runs it, while it holds the namespace. */
  | [kind: typeof Tell.runHere, id: number]
  /** Commits `first`, `first + 1`, … for the feeds listed. */
  | [kind: typeof Tell.updates, feeds: number[], first: number, commits: WireCommits]
  /** The feed's next update is no longer kept; it is sent nothing more, unless it seeks. */
  | [kind: typeof Tell.fellBehind, feed: number, from: number, to: number]
  /** The hold was taken away: its time was up. */
  | [kind: typeof Tell.holdEnded, hold: number, atomicTimeout: number]
  /** The server has ended the session, and why. */
  | [kind: typeof Tell.ended, why: string]
  /** Asks which processes the program has: Ask.reported says so. Not asked again until it has. */
  | [kind: typeof Tell.report]
  /** The program is to end process number `process`. */
  | [kind: typeof Tell.endProcess, process: number]
  /** Asks for the last lines that process number `process` of the program has printed: Ask.printed tells them. */
  | [kind: typeof Tell.output, question: number, process: number]
  /** A description for a watch: the parts that differ from those that it was sent before. */
  | [kind: typeof Tell.described, watch: number, parts: DescriptionPart[]]

/** Where a feed begins that is to go on from `revision`, or from the oldest one that is kept, if that is later. */
export const orOldestKept = (revision: number): number => -2 - revision
/** The revision that a feed is to go on from, by the `from` of its message. */
export function feedStart(from: number, oldest: number, newest: number): number {
  if (from === -1) return newest
  return from < 0 ? Math.max(oldest, Math.min(-2 - from, newest)) : Math.min(from, newest)
}

/** How the answer to a call that made no commit says at which revision it found nothing to change. */
export const unchangedAt = (revision: number): number => -1 - revision

/** The reply to `feed`: the state at `revision`. `null`: it fell behind already, as `fellBehind` has said. */
export type FeedStart = [revision: number, entries: Entry[]]
/**
 * The reply to `page`: commits `first`, `first + 1`, … as a msgpack array of WireCommit, as many as go together; the entries
 * of the state before them, encoded as well, if they were asked for and are there: of a large state only the last of them, the
 * others came in `Tell.part`; and the newest revision.
 */
export type LogPage = [first: number, state: Uint8Array | null, commits: Uint8Array, newest: number]
/** The reply to `seek`: what differs at `revision`. `null` instead of changes: `entries` is the whole state. */
export type Jump = [revision: number, changes: WireChange[] | null, entries: Entry[] | null]
/** The reply to `lease`: who put the key, whether it ends with that session, and when its time is up (ms since the epoch). */
export type LeaseInfo = [pid: number, name: string, ephemeral: boolean, expires: number | null]
/** The reply to `hold`. */
export type Grant = [hold: number, revision: number, entries: Entry[]]

/** `identical`: whether nothing differs after it; `null`: who reads it finds out. */
export type WireCommit = [
  session: number,
  state: number,
  pid: number,
  name: string,
  method: string,
  time: number,
  identical: boolean | null,
  changes: WireChange[],
]

/** Commits for many readers are encoded once, as a msgpack array. A single one for a single reader needs no encoding of its own. */
export type WireCommits = Uint8Array | [WireCommit]

/** `[]` empties the state, `[key]` deletes, `[key, value]` puts, `[key, null, steps]` changes inside a value. */
export type WireChange =
  | []
  | [key: string]
  | [key: string, value: Wire]
  | [key: string, none: null, steps: Step[]]

/**
 * One step inside a tree. `put` and `remove` set and delete the field of an object, `put` also replaces an element of a list.
 * `splice` is for the list at `path`: from `at` on, `removed` elements give way to `items`. An item is a new element, or a Run
 * of those that give way: none may come twice. So a sort is one step, and `push`, `shift` and `splice` say only what is new.
 */
export type Step =
  | [op: 'put', path: (string | number)[], value: Wire]
  | [op: 'remove', path: (string | number)[]]
  | [op: 'splice', path: (string | number)[], at: number, removed: number, items: (Wire | Run)[]]

/** Elements that were there before: so many, from that index on. */
export type Run = [from: number, count: number]
