import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readlinkSync, rmdirSync, symlinkSync, unlinkSync } from 'node:fs'
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, cancel, monotonic, sleep } from '../async/interval.ts'
import { ConnectionError } from '../errors.ts'
import { endOf, knock } from './knock.ts'

// Node has no flock(2). The lock of a path is a directory beside it, in which each process that wants the lock listens on a
// socket of its own: the system closes that when the process ends, in whatever way, so whether a process lives can be asked
// by connecting. `holder` is a symbolic link to the socket of the process that has the lock: to make one is atomic, and
// fails if it is there. The link of a process that has died is removed by who holds a second link, `<its socket>~`, which
// is made and, after a death, removed in the same way. All is named after the path, so that what a process leaves when it
// is killed is found by the next one.
const HOLDER = 'holder'
/** Milliseconds after which a lock that is not released is given up. */
const PATIENCE = 10_000
/** What the name of the directory, and of a socket in it, add to a path, in bytes. */
export const LOCK_BYTES = '~/'.length + 5

/** Where the lock of `path` is, while a process has it or waits for it. */
export const lockOf = (path: string): string => `${path}~`

/** A name for a socket in the lock's directory. */
export const socketName = (): string => randomBytes(4).toString('base64url').slice(0, 5)

/** Runs `act` while no other caller, in whatever process, runs one for the same path. `act` gets the lock's directory. */
export async function withPathLock<T>(path: string, act: (directory: string) => Promise<T>): Promise<T> {
  const until = monotonic() + PATIENCE
  for (;;) {
    const one = await contend(lockOf(path), until)
    try {
      if (!(await one.take(HOLDER))) continue
      const result = await act(one.directory)
      await one.sweep()
      one.drop(HOLDER)
      return result
    } catch (error) {
      one.drop(HOLDER)
      throw error
    } finally {
      one.leave()
    }
  }
}

/** Listens in the directory, made if it is not there: whoever leaves it last removes it. */
async function contend(directory: string, until: number): Promise<Contender> {
  for (;;) {
    const code = attempt(() => mkdirSync(directory, { mode: 0o700 }))
    if (code === 'ENOENT') throw Object.assign(new Error(`there is no directory for ${directory}`), { code })
    if (code !== undefined && code !== 'EEXIST')
      throw Object.assign(new Error(`the directory ${directory} cannot be made: ${code}`), { code })
    const name = socketName()
    const sockets = new Set<Socket>()
    const server = createServer(socket => {
      sockets.add(socket.once('close', () => sockets.delete(socket)).on('error', () => {}))
    })
    try {
      await listening(server, { path: join(directory, name) })
      return new Contender(directory, name, server, sockets, until)
    } catch (error) {
      // Removed meanwhile, which Node reports as a lack of permission; or the name is taken.
      const exists = attempt(() => readdirSync(directory)) === undefined
      if (monotonic() > until || (exists && (error as NodeJS.ErrnoException).code !== 'EADDRINUSE'))
        throw error
    }
  }
}

/** Resolves when the server listens. */
export function listening(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

class Contender {
  readonly directory: string
  readonly #name: string
  readonly #server: Server
  readonly #sockets: Set<Socket>
  readonly #until: number

  constructor(directory: string, name: string, server: Server, sockets: Set<Socket>, until: number) {
    this.directory = directory
    this.#name = name
    this.#server = server
    this.#sockets = sockets
    this.#until = until
  }

  /** Makes the link, when nobody who lives has it. False: this contender passed for dead meanwhile, and has to begin anew. */
  async take(link: string): Promise<boolean> {
    for (;;) {
      try {
        symlinkSync(this.#name, join(this.directory, link))
        // The holder may have swept the socket of this one just before it listened: then it passes for dead.
        return readdirSync(this.directory).includes(this.#name)
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (code === 'ENOENT') return false
        if (code !== 'EEXIST') throw error
      }
      const other = this.#targetOf(link)
      if (other === undefined) continue
      if (!(await this.#outlives(other))) continue
      const claim = `${other}~`
      if (!(await this.take(claim))) return false
      if (this.#targetOf(link) === other) this.#unlink(link)
      this.drop(claim)
    }
  }

  /** Removes its link. */
  drop(link: string): void {
    if (this.#targetOf(link) === this.#name) this.#unlink(link)
  }

  /** Removes what processes that were killed have left; only the holder does. */
  async sweep(): Promise<void> {
    for (const entry of readdirSync(this.directory)) {
      if (entry === HOLDER || entry === this.#name) continue
      const socket = this.#targetOf(entry) ?? entry
      if ((await knock(join(this.directory, socket))) !== 'answered') this.#unlink(entry)
    }
  }

  leave(): void {
    for (const socket of this.#sockets) socket.destroy()
    // Before it is closed: what does not listen is swept.
    this.#unlink(this.#name)
    this.#server.close()
    attempt(() => rmdirSync(this.directory))
  }

  #targetOf(link: string): string | undefined {
    try {
      return readlinkSync(join(this.directory, link))
    } catch {
      return undefined
    }
  }

  #unlink(entry: string): void {
    attempt(() => unlinkSync(join(this.directory, entry)))
  }

  /** Waits until the other one leaves, which gives false, or finds that it is dead. */
  async #outlives(other: string): Promise<boolean> {
    const left = this.#until - monotonic()
    if (left <= 0)
      throw new ConnectionError(`${this.directory} has been locked by another process for ${PATIENCE} ms`)
    const end = endOf(join(this.directory, other))
    const timer = after(left, end.giveUp)
    const was = await end.promise
    cancel(timer)
    // Not to be asked: of another user's process.
    if (was === 'other' || was === 'answered') await sleep(10)
    return was === 'nobody'
  }
}

/** The code of the system's error, if there was one. */
function attempt(act: () => unknown): string | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'failed'
  }
}
