import { commits } from './channels.ts'
import type { CommitTrace } from './messages.ts'

// A commit runs no code of the program's: its events are published one after the other, and nothing is called within it.

/** The channel's subscribers hear that a commit begins. */
export function beginCommit(message: CommitTrace): CommitTrace {
  commits.start.publish(message)
  return message
}

/** They hear that it is made. */
export function endCommit(message: CommitTrace): void {
  message.result = undefined
  commits.end.publish(message)
}
