import { decode } from '../protocol/frames.ts'
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

/**
 * A commit in a block, by the same State and method as the commit before it in the block: clients ask for many at a time, and
 * who they are takes longer to say than what they change.
 */
type Likewise = [time: WireCommit[5], identical: WireCommit[6], changes: WireCommit[7]]
type Stored =
  | OtherRecord
  | [kind: typeof Kept.commit, namespace: number, commit: WireCommit | Likewise, ...answer: unknown[]]

/** The records that a payload holds, which RecordWriter wrote. */
export function decodeRecords(payload: Uint8Array): LogRecord[] {
  const records = decode(payload) as Stored[]
  let last: WireCommit | undefined
  for (const record of records) {
    if (record[0] !== Kept.commit) continue
    const commit = record[2]
    if (commit.length === 8) last = commit
    else {
      if (!last) throw new TypeError('the first commit of a block does not say who made it')
      const [session, state, pid, name, method] = last
      record[2] = [session, state, pid, name, method, ...commit]
    }
  }
  return records as LogRecord[]
}
