import { noteOf } from '../lifeline/hung-note.ts'
import { socketPath } from '../protocol/address.ts'
import { tcpNoteFile } from '../protocol/tcp-note.ts'

/** The file in which the watchdog of a server says what that hangs in; undefined: there is no place for one. */
export function noteFile(address: string, pid: number): string | undefined {
  const path = socketPath(address)
  return path === undefined ? tcpNoteFile(address, pid) : noteOf(path)
}
