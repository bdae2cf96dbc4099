import type { Entry, WireCommit } from '../protocol/messages.ts'
import type { Wire } from '../protocol/values.ts'

// What the blocks of a log consist of: docs/log-format.md. Effects are kept, never functions.

export const Kept = {
  namespace: 0,
  commit: 1,
  lease: 2,
  session: 3,
  ended: 4,
  forgotten: 5,
  // in snapshots only
  index: 10,
  entries: 11,
  answers: 12,
} as const

export type LogRecord =
  /** From here on, `number` stands for the namespace of this name, which is empty and begins at `revision`. */
  | [kind: typeof Kept.namespace, number: number, name: string, revision: number]
  /** A namespace that was empty and in which no State was. */
  | [kind: typeof Kept.forgotten, namespace: number]
  /** The next commit of a namespace; it answers request `id` of its author's session with `result`. */
  | [kind: typeof Kept.commit, namespace: number, commit: WireCommit, id?: number, result?: Wire | Entry]
  /** What a key is tied to: its author's session, and a time (milliseconds since 1970; null: none). */
  | [
      kind: typeof Kept.lease,
      namespace: number,
      key: string,
      by: KeptAuthor,
      ephemeral: boolean,
      due: number | null,
    ]
  /** A session that may come back, by its secret token. */
  | [kind: typeof Kept.session, number: number, token: Uint8Array]
  /** A session is over. */
  | [kind: typeof Kept.ended, number: number]
  /**
   * The first record of a snapshot: the highest revision of forgotten namespaces whose names were dropped; the revisions of
   * the other forgotten ones, oldest first; and those of the namespaces that follow.
   */
  | [kind: typeof Kept.index, dropped: number, forgotten: Revision[], spaces: Revision[]]
  /** Keys and values of a namespace, in the order of its keys; more may follow. */
  | [kind: typeof Kept.entries, namespace: number, entries: Entry[]]
  /** Answers of a session that its client may not have: of requests that made a commit. */
  | [kind: typeof Kept.answers, session: number, answers: KeptAnswer[]]

export type Revision = [name: string, revision: number]
export type KeptAuthor = [session: number, state: number, pid: number, name: string]
export type KeptAnswer = [id: number, revision: number, result: Wire | Entry, state: number]

/** A record that is no commit. */
export type OtherRecord = Exclude<LogRecord, { 0: typeof Kept.commit }>
