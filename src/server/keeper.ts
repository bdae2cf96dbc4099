import { wallClock } from '../async/interval.ts'
import type { StorageError } from '../errors.ts'
import { weigh } from '../protocol/frames.ts'
import type { Entry } from '../protocol/messages.ts'
import type { Wire } from '../protocol/values.ts'
import { Checkpoints } from '../storage/checkpoint.ts'
import { type Disk, openFolder } from '../storage/disk.ts'
import { Journal } from '../storage/journal.ts'
import { type OpenLog, openLog } from '../storage/log.ts'
import { Kept, type OtherRecord } from '../storage/records.ts'
import { Replay } from '../storage/replay.ts'
import { SEGMENT_BYTES } from '../storage/segment.ts'
import { type Change, wireChange } from '../store/commit.ts'
import { isMail } from '../store/mail.ts'
import type { Namespace } from '../store/namespace.ts'
import type { Gate } from '../transport/channel.ts'
import { Archive } from './archive.ts'
import { lockFolder } from './folder-lock.ts'
import type { KeepOptions } from './options.ts'

// Bytes of a commit's record besides its keys and values, about.
const RECORD = 128

/** What the log of a server has to say. */
export interface KeeperEvents {
  /** It can be written no more. */
  failed(error: StorageError): void
  /** The end of it was cut off when it was opened. */
  repaired(line: string): void
  /** Something that is said once a second at most. */
  said(kind: string, line: string): void
}

/**
 * Keeps what a server's namespaces become in a log on disk, and says when what a session is sent may leave: not before
 * the commits that it may rest on are durable.
 */
export class Keeper implements Gate {
  /** The identity of the log. */
  readonly log: string
  /** What is no longer in memory. */
  readonly archive: Archive
  readonly #journal: Journal
  readonly #numbers = new Map<Namespace, number>()
  readonly #sessions: Set<number>
  readonly #checkpoints: Checkpoints
  readonly #unlock: () => void
  #lastNumber: number
  // Whether the request that is being carried out has made a commit.
  #made = false
  #waiting: { sequence: number; pass: () => void }[] = []

  static async open(
    options: KeepOptions,
    newLog: string,
    openSpace: (name: string, revision: number) => Namespace,
    events: KeeperEvents,
  ): Promise<{ keeper: Keeper; replay: Replay }> {
    const disk = await openFolder(options.data)
    const unlock = await lockFolder(options.data)
    const replay = new Replay(openSpace)
    const opened = await openLog(
      disk,
      { log: newLog, segmentBytes: options.segmentBytes ?? SEGMENT_BYTES },
      { snapshot: replay.apply, block: (_, payload) => replay.read(payload) },
    ).catch(error => {
      unlock()
      throw error
    })
    if (opened.repaired) events.repaired(opened.repaired)
    return { keeper: new Keeper(disk, opened, replay, options, unlock, events), replay }
  }

  private constructor(
    disk: Disk,
    { manifest, tail }: OpenLog,
    replay: Replay,
    options: KeepOptions,
    unlock: () => void,
    events: KeeperEvents,
  ) {
    this.log = manifest.now.log
    this.#unlock = unlock
    this.#checkpoints = new Checkpoints(disk, manifest, options.keep, error =>
      events.said('snapshot', `no snapshot was made of the log in ${disk.path}: ${error.message}`),
    )
    this.#sessions = new Set(replay.sessions.keys())
    this.#lastNumber = Math.max(0, ...replay.spaces.keys())
    for (const [number, space] of replay.spaces) this.#record(space, number)
    this.#journal = new Journal(
      disk,
      manifest,
      tail,
      { durability: options.durability, segmentBytes: options.segmentBytes ?? SEGMENT_BYTES },
      {
        passed: sequence => this.#pass(sequence),
        failed: events.failed,
        closed: segment => this.#checkpoints.closed(segment),
      },
    )
    this.archive = new Archive(disk.path, manifest, () => this.flushed())
  }

  /** From now on each commit of this namespace is kept. */
  add(space: Namespace): void {
    if (isMail(space.name) || this.#numbers.has(space)) return
    const number = ++this.#lastNumber
    this.#add([Kept.namespace, number, space.name, space.revision])
    this.#record(space, number)
  }

  /** The namespace is empty, and no State is in it. */
  forget(space: Namespace): void {
    const number = this.#numbers.get(space)
    if (number === undefined) return
    this.#numbers.delete(space)
    space.recorder = undefined
    this.#add([Kept.forgotten, number])
  }

  /** A request is about to be carried out. */
  asked(): void {
    this.#made = false
  }

  /** The commit that was made since `asked`, if there was one, answers request `id` of its author. */
  answered(id: number, result: Wire | Entry): void {
    if (this.#made) this.#journal.answer(id, result)
    this.#made = false
  }

  /** A session begins that may come back. */
  session(number: number, token: Uint8Array): void {
    if (this.#sessions.has(number)) return
    this.#sessions.add(number)
    this.#add([Kept.session, number, token])
  }

  ended(session: number): void {
    if (this.#sessions.delete(session)) this.#add([Kept.ended, session])
  }

  /** The newest block that holds what was committed up to now. */
  get newest(): number {
    return this.#journal.newest
  }

  /** What blocks up to this one hold may be shown. */
  get passed(): number {
    return this.#journal.passed
  }

  wait(sequence: number, pass: () => void): void {
    if (sequence <= this.passed) return pass()
    this.#waiting.push({ sequence, pass })
    this.#journal.flush()
  }

  /** Resolves when all that was committed up to now is durable. */
  flushed(): Promise<void> {
    return this.#journal.sync()
  }

  async close(): Promise<void> {
    await Promise.all([this.#checkpoints.end(), this.archive.end()])
    await this.#journal.close()
    this.#unlock()
  }

  #add(record: OtherRecord): void {
    this.#journal.add(record)
  }

  #record(space: Namespace, number: number): void {
    this.#numbers.set(space, number)
    space.recorder = {
      // To weigh every commit would take a tenth of the time of one.
      committing: changes => {
        if (!this.#journal.isReady) this.#journal.reserve(bytesOf(changes))
      },
      committed: commit => {
        this.#journal.commit(number, commit)
        this.#made = commit.method !== 'expire'
      },
      tied: (key, { session, state, pid, name }, [ephemeral, ttl]) => {
        const due = ttl === null ? null : wallClock() + ttl
        this.#add([Kept.lease, number, key, [session, state, pid, name], ephemeral, due])
      },
    }
  }

  #pass(sequence: number): void {
    const waiting = this.#waiting
    let i = 0
    while (i < waiting.length && (waiting[i] as { sequence: number }).sequence <= sequence) i++
    this.#waiting = waiting.slice(i)
    for (const { pass } of waiting.slice(0, i)) pass()
  }
}

/** About how many bytes the record of a commit takes. */
function bytesOf(changes: readonly Change[]): number {
  let bytes = RECORD
  for (const change of changes) {
    // Of a change in steps only these are written: to weigh the value would be to encode all of it.
    bytes += weigh(wireChange(change))
  }
  return bytes
}
