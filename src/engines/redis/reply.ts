import type { StreamEntry } from './replica.ts'
import * as scripts from './scripts.ts'

/** The newest id and the commits since the one that was known; or the state; or neither, where that is large, or another. */
export type News = [head: Buffer, entries: StreamEntry[] | null, keys?: Buffer[], values?: Buffer[][]]

export type Wait = Extract<Reply, { status: 'wait' }>

/** What came of a run of the commit script. */
export type Reply =
  | { status: 'ok'; head: string; before: string }
  | { status: 'conflict'; news: News }
  /** `found`: for each key that was read, 1 or what is there now; undefined: it was said before, and that was lost. */
  | { status: 'differs'; head: string; found: (Buffer | null | 1)[] | undefined }
  | { status: 'wait'; ms: number; held: boolean }
  | { status: 'lost' }

/** The script's answer; see scripts.ts. */
export function replyOf(answer: unknown): Reply {
  if (Buffer.isBuffer(answer)) {
    const text = answer.toString('latin1')
    const [first, second] = [text.indexOf(' '), text.lastIndexOf(' ')]
    return first === second
      ? { status: 'differs', head: '', found: undefined }
      : { status: 'ok', head: text.slice(first + 1, second), before: text.slice(second + 1) }
  }
  const [status, ...more] = answer as [number, ...unknown[]]
  if (status === scripts.Status.lost) return { status: 'lost' }
  if (status === scripts.Status.wait) return { status: 'wait', ms: more[0] as number, held: more[1] !== null }
  if (status === scripts.Status.conflict) return { status: 'conflict', news: more as News }
  const [head, found] = more as [Buffer, (Buffer | null | 1)[]]
  return { status: 'differs', head: head.toString('latin1'), found }
}
