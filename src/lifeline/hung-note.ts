import { readFileSync, unlinkSync } from 'node:fs'
import { wallClock } from '../async/interval.ts'
import { lstatOf } from '../async/stat.ts'
import type { Stuck } from './watchdog.ts'

// The watchdog of a server writes to a file what that is stuck in, for clients that get no answer: while it is stuck, and at no
// other time. Who may use the server may read it.

/** That file for a server that listens at the socket `path`; at tcp: see protocol/tcp-note.ts. */
export const noteOf = (path: string): string => `${path}.hung`

export const isNote = (file: string): boolean => file.endsWith('.hung')

export interface Note extends Stuck {
  /** The pid of the server, and whether it has that process for itself. */
  server: number
  isOwn: boolean
}

/** What a server is stuck in by its file; undefined: it is not known to be stuck. */
export function readNote(file: string): Note | undefined {
  try {
    const found = lstatOf(file)
    if (!found) return undefined
    const owner = Number(found.uid)
    // Where others may write as well, a note of theirs says nothing.
    if (!found.isFile() || (owner !== process.geteuid?.() && owner !== 0)) return undefined
    const { ms, ...note }: Note = JSON.parse(readFileSync(file, 'utf8'))
    // The process is there, unless it was killed.
    process.kill(note.server, 0)
    return { ...note, ms: Math.round(ms + Math.max(0, wallClock() - Number(found.mtimeMs))) }
  } catch {
    return undefined
  }
}

/** Removes the file of a server that was killed. */
export function removeNote(file: string): void {
  try {
    unlinkSync(file)
  } catch {
    // There is none.
  }
}
