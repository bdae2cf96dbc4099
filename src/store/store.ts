import type { ClientMessage, ServerMessage } from '../protocol/messages.ts'

/**
 * A home of logs, as a State and its watchers see it: whoever implements this answers the messages of
 * `protocol/messages.ts`, whether they travel to a server or are carried out here on something else.
 */
export interface Store {
  readonly address: string
  /** The number that this process's commits carry; known once the first request is answered. */
  readonly session: number
  /** Why it is of no use any more, if so. */
  readonly error: Error | undefined
  /** Who hears of new commits, by the number of the feed. */
  readonly feeds: Map<number, FeedEvents>
  /** How to tell whoever holds a namespace that it does no more: the time that was up, or why the store was lost. */
  readonly holds: Map<number, (why: number | Error) => void>
  /** The numbers of the functions that it was given, by hash. */
  readonly functions: Map<string, number>
  /** A new number for a State, feed or function. */
  number(): number
  /** Resolves when the request is answered. `message` gets the request's id as its second part; `bytes`: about how large it is. */
  request<T>(
    call: string,
    message: ClientMessage,
    finish: Finish,
    extra?: unknown,
    bytes?: number,
  ): Promise<T>
  /** Says something that has no answer. */
  send(message: ClientMessage, bytes?: number): void
  /** Nobody waits for the answer to this request any more. */
  forget(id: number): void
  /** Somebody awaits what comes unasked, so the program is kept alive; the function that it returns calls that off. */
  keepAwaited(): () => void
  /** Somebody who used the store does not need it any more. */
  release(): void
}

/** What a request becomes when its reply is here. */
export type Finish = (message: ServerMessage, extra: unknown) => unknown

/** Who wants what a store says unasked. */
export interface FeedEvents {
  updates(first: number, chunk: Uint8Array): void
  fellBehind(from: number, to: number): void
  lost(error: Error): void
}

/** The finish that several calls share. */
export const result: Finish = message => (message as [number, number, unknown])[2]
