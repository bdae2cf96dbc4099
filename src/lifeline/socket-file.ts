import { chmodSync, existsSync, renameSync, unlinkSync } from 'node:fs'
import type { Server } from 'node:net'
import { join } from 'node:path'
import { sleep } from '../async/interval.ts'
import { lstatOf } from '../async/stat.ts'
import { noteOf, removeNote } from './hung-note.ts'
import { endOf, knock } from './knock.ts'
import { listening, lockOf, socketName, withPathLock } from './path-lock.ts'

export { listening }

/** Milliseconds in which a server that is just ending closes a new connection. */
const ENDING = 50
const PART = 10

/**
 * The file of a socket that a server of this process listens on. It is bound under another name and moved to its path, under
 * the lock of the path and if nothing else answers there: so it listens, for its user alone, from when it is seen; the
 * file of a server that was killed is replaced in one step; and Node, which removes the name that was bound when it closes a
 * server, removes none of another's.
 */
export class SocketFile {
  readonly path: string
  readonly #inode: bigint | undefined

  private constructor(path: string, inode: bigint | undefined) {
    this.path = path
    this.#inode = inode
  }

  /** undefined: something answers at the path, or is in the way. */
  static async bind(server: Server, path: string, backlog: number): Promise<SocketFile | undefined> {
    // A server that is ending is followed by one that may begin.
    for (let tries = 5; ; tries--) {
      const found = await waitedFor(path)
      if (found === 'taken' || tries === 0) return undefined
      const file = await withPathLock(path, async directory => {
        if (!(await isFree(path))) return undefined
        const bound = join(directory, socketName())
        await listening(server, { path: bound, backlog })
        chmodSync(bound, 0o600)
        const inode = lstatOf(bound)?.ino
        renameSync(bound, path)
        removeNote(noteOf(path))
        return new SocketFile(path, inode)
      })
      if (file) return file
    }
  }

  /** Removes the file, if it is still this one: to be called while the server listens, since the file of one that does not is free for others. */
  remove(): void {
    const found = lstatOf(this.path)
    if (found && found.ino === this.#inode) unlinkSync(this.path)
  }
}

/** Removes the file of a server that was killed, and what is left of its start, if nobody has taken the path since. */
export async function removeStale(path: string): Promise<void> {
  const isLeft = existsSync(lockOf(path)) || existsSync(noteOf(path))
  if (!isLeft && !(existsSync(path) && (await isFree(path)))) return
  await withPathLock(path, async () => {
    if (!(await isFree(path))) return
    removeNote(noteOf(path))
    if (existsSync(path)) unlinkSync(path)
  })
}

/** Whether a server may take the path: nothing is there, or a socket on which nobody listens. */
async function isFree(path: string): Promise<boolean> {
  const found = lstatOf(path)
  // Whatever else is there refuses connections too.
  return found === undefined || (found.isSocket() && (await knock(path)) === 'nobody')
}

/** Whether the path is taken for longer than the end of a server takes. */
async function waitedFor(path: string): Promise<'taken' | 'free'> {
  const found = lstatOf(path)
  if (found === undefined) return 'free'
  if (!found.isSocket()) return 'taken'
  const end = endOf(path)
  // In parts: between two of them this thread looks at its sockets, however long it was kept from that.
  let over = false
  const late = async () => {
    for (let left = ENDING; left > 0 && !over; left -= PART) await sleep(PART)
    return 'late' as const
  }
  const how = await Promise.race([end.promise, late()])
  over = true
  end.giveUp()
  return how === 'late' || how === 'other' ? 'taken' : 'free'
}
