import type { ContextReport, OutputReport } from '../protocol/context-report.ts'
import type { ServerDescription } from '../protocol/description.ts'
import type { ClientMessage, ServerMessage, WireCommit } from '../protocol/messages.ts'

/**
 * A home of logs, as a State and its watchers see it: whoever implements this answers the messages of
 * `protocol/messages.ts`, whether they travel to a server or are carried out here on something else.
 */
export interface Store {
  readonly address: string
  /** The number that this process's commits carry; known once the first request is answered. */
  readonly session: number
  /** Why it is of no use any more, if so: who wants it next opens another. */
  readonly error?: Error | undefined
  /** The States that have begun here, by their numbers. */
  readonly states: Map<number, Begun>
  /** Who wants to know how the connection is. */
  readonly events: Set<(event: ConnectionEvent) => void>
  /** Who hears of new commits, by the number of the feed. */
  readonly feeds: Map<number, FeedEvents>
  /** How to tell whoever holds a namespace that it does no more: the time that was up, or why the store was lost. */
  readonly holds: Map<number, (why: number | Error) => void>
  /** The numbers of the functions that it was given, by hash. */
  readonly functions: Map<string, number>
  /** A new number for a State, feed or function. */
  number(): number
  /** Resolves when the request is answered. `message` gets the request's id as its second part. */
  request<T>(call: string, message: ClientMessage, finish: Finish, extra?: unknown): Promise<T>
  /** Says something that has no answer. */
  send(message: ClientMessage): void
  /** Nobody waits for the answer to this request any more. */
  forget(id: number): void
  /** Somebody awaits what comes unasked, so the program is kept alive; the function that it returns calls that off. */
  keepAwaited(): () => void
  /** Resolves when all that was asked so far is over. */
  settled(): Promise<void>
  /** Somebody who used the store does not need it any more; resolves when what it had there is gone. */
  release(): Promise<void> | undefined
  /** `reporter` is asked when the server is to describe itself; the function that this returns calls that off. Where there is a server. */
  report?(reporter: Reporter): () => void
  /** `events` hears of each description of the server, until what this returns is called. Where there is a server. */
  watchDescriptions?(watch: DescriptionWatch, events: DescriptionEvents): () => void
}

/** How often a server is to describe itself, in milliseconds, and with how many items in each list. */
export interface DescriptionWatch {
  ms: number
  limit: number
}

/** Who hears of descriptions. They come again when a connection that was lost, or given up, is there again. */
export interface DescriptionEvents {
  described(description: ServerDescription): void
  /** Nobody answers at present. */
  failed(error: Error): void
}

/** Tells what processes a part of this program has. */
export interface Reporter {
  report(): Promise<ContextReport>
  /** Ends process number `id`. Whether it is one of these. */
  end(id: number): boolean
  /** The last lines that process number `id` has printed; undefined: it is none of these. */
  output(id: number): OutputReport | undefined
}

/** What a request becomes when its reply is here; of `Tell.unknownFunction`, which is none: the function, `Shipped`. */
export type Finish = (message: ServerMessage, extra: unknown) => unknown

/** What happened to the connection to a server: see `state.events()`. */
export type ConnectionEvent = {
  /** The address of the server. */
  address: string
  /** Milliseconds since the epoch. */
  time: number
} & (
  | {
      /** `'connected'`: a session begins; `'disconnected'`: the connection is lost, and being made again; `'resumed'`: it is back. */
      type: 'connected'
      /** true: another server answers than before, with a log of its own. */
      newLog: boolean
    }
  | {
      /** The connection is lost, and being made again. */
      type: 'disconnected'
      /** Why, if that is known. */
      error: Error | undefined
    }
  | {
      /** The connection is back, and nothing was lost. */
      type: 'resumed'
    }
)

// A store whose connection is cut goes on where it was, and nobody hears of it. When it cannot, since the server has
// let go of the session or is another one, each of these asks again for what it needs. `hasLeft` tells of the id of a
// request whether it was lost with the session: the others have not left yet, and will.

/** A State that has begun. */
export interface Begun {
  /** `otherLog`: revisions begin anew as well. */
  beginAgain(hasLeft: (id: number) => boolean, otherLog: boolean): void
}

/** Who reads a log. */
export interface FeedEvents {
  /** Commits `first`, `first + 1`, …, which others may have been given too; `bytes`: what they count against its credit. */
  updates(first: number, commits: readonly WireCommit[], bytes: number): void
  fellBehind(from: number, to: number): void
  /** Asks to be sent again what comes after the newest update that arrived. */
  reopen(hasLeft: (id: number) => boolean): void
  /** Nobody answers at present: who waits is told, the reading goes on when somebody does. */
  failed(error: Error): void
  /** There will be no more. */
  lost(error: Error): void
}

/** The finish that several calls share. */
export const result: Finish = message => (message as [number, number, unknown])[2]
