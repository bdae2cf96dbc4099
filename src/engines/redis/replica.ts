import { ConnectionError } from '../../errors.ts'
import { decode } from '../../protocol/frames.ts'
import type { WireCommit, WireLease } from '../../protocol/messages.ts'
import { isWire, Packed, type Wire } from '../../protocol/values.ts'
import type { Author, Change, Commit, Values } from '../../store/commit.ts'
import { changesFromWire } from '../../store/methods.ts'
import { Namespace } from '../../store/namespace.ts'
import { Overlay } from './overlay.ts'
import { type BlindCall, changesOf } from './write.ts'

/** An entry of the stream as Redis gives it: its id, and one field, named by the id before. */
export type StreamEntry = [id: Buffer, fields: [before: Buffer, commit: Buffer]]

export const revisionOf = (id: string): number => Number.parseInt(id, 10)
export const idOf = (entry: StreamEntry): string => entry[0].toString('latin1')
export const idBefore = (entry: StreamEntry): string => entry[1][0].toString('latin1')

/** The state of a namespace as it was after one commit, in this process. */
export class Replica {
  readonly space: Namespace
  /** The id of the newest commit in it. */
  head: string

  constructor(name: string, head: Buffer, keys: Buffer[], chunks: (Buffer | null)[][]) {
    this.space = new Copy(name, 1)
    this.head = head.toString('latin1')
    const values = chunks.flat()
    for (const [i, key] of keys.entries())
      this.space.values.set(key.toString(), wireOf(values[i] as Buffer, key.toString()))
    this.space.revision = revisionOf(this.head)
  }

  /** Moves on by commits that others made; false if they do not follow on what is here. */
  follow(entries: StreamEntry[]): boolean {
    for (const entry of entries) {
      if (idBefore(entry) !== this.head) return false
      const [session, state, pid, name, method, , , changes] = decode(entry[1][1]) as WireCommit
      this.space.commit({ session, state, pid, name }, method, changesFromWire(this.space, changes), true)
      this.head = idOf(entry)
    }
    return true
  }

  /** The same state, to try something on. */
  trial(): Trial {
    return new Trial(this.space.name, new Overlay(this.space.values), () => this.space.newestKey())
  }

  /** Makes the commits of a trial here, once Redis has them: the last one's id is `head`. */
  accept(trial: Trial, head: string): void {
    for (const { author, method, changes } of trial.commits) this.space.commit(author, method, changes, true)
    this.head = head
  }
}

/** A namespace whose leases are in Redis. */
class Copy extends Namespace {
  override tie(): void {}
}

/** A commit, and the lease that the one key which it puts is to have. `blind`: a method that writes whatever the state is. */
export type TrialCommit = Commit & { lease?: WireLease; blind?: BlindCall }

/** A state to try commits on, which are all there, whole. */
export class Trial extends Namespace {
  readonly commits: TrialCommit[] = []
  readonly #newestBefore: () => string | undefined

  constructor(name: string, values: Values, newestBefore: () => string | undefined) {
    super(name, 1)
    this.values = values
    this.#newestBefore = newestBefore
  }

  override commit(author: Author, method: string, changes: readonly Change[], identical?: boolean): void {
    super.commit(author, method, changes, identical)
    const { time, identical: same } = this.at(this.revision)
    this.commits.push({ author, method, time, identical: same, changes })
  }

  /** A method of which nothing needs to be read. */
  blindly(author: Author, blind: BlindCall): void {
    this.commit(author, '', changesOf(blind), false)
    ;(this.commits.at(-1) as TrialCommit).blind = blind
  }

  override tie(_key: string, _author: Author, lease: WireLease): void {
    const last = this.commits.at(-1)
    if (last) last.lease = lease
  }

  // Whoever asks is alone in its trial: nothing was changed before.
  override newestKey(): string | undefined {
    return this.revision === 0 ? this.#newestBefore() : super.newestKey()
  }
}

/** A value of the hash. */
export function wireOf(bytes: Buffer, key: string): Wire {
  let wire: unknown
  try {
    wire = decode(bytes)
  } catch (cause) {
    throw foreign(key, cause)
  }
  if (!isWire(wire)) throw foreign(key)
  return wire instanceof Packed ? wire.own() : wire
}

const foreign = (key: string, cause?: unknown): ConnectionError =>
  new ConnectionError(
    `the value of '${key}' in Redis is something that zproc did not put there: use another namespace, or remove it`,
    { cause },
  )
