import { monotonic, wallClock } from '../async/interval.ts'
import { weigh } from '../protocol/frames.ts'
import type { WireCommit } from '../protocol/messages.ts'
import type { Author } from '../store/commit.ts'
import { Forgotten } from '../store/forgotten.ts'
import { changesFromWire } from '../store/methods.ts'
import type { Namespace } from '../store/namespace.ts'
import { Kept, type KeptAnswer, type LogRecord, type Revision } from './records.ts'

// Answers that are kept for a session: as many as a client may have requests in flight, and more bytes of them, the newest
// apart, than a server sends ahead of what the client has taken.
const KEPT_ANSWERS = 10_000
const KEPT_BYTES = 16 << 20
// Entries of one record of a snapshot.
const ENTRIES = 500

export interface KeptSession {
  token: Uint8Array
  /** By the number of the request, oldest first. */
  answers: Map<number, KeptAnswer>
  /** About how many bytes they are. */
  bytes: number
}

/** Namespaces and sessions as the records of a log make them. */
export class Replay {
  readonly spaces = new Map<number, Namespace>()
  readonly sessions = new Map<number, KeptSession>()
  /** Commits that were replayed, and the time of the newest (0: none). */
  commits = 0
  time = 0
  /** The highest number of a session that has committed anything. */
  lastSession = 0
  readonly forgotten = new Forgotten()
  readonly #open: (name: string, revision: number) => Namespace

  /** `open` makes the namespaces. */
  constructor(open: (name: string, revision: number) => Namespace) {
    this.#open = open
  }

  readonly apply = (record: LogRecord): void => {
    switch (record[0]) {
      case Kept.namespace:
        this.forgotten.begin(record[2])
        this.spaces.set(record[1], this.#open(record[2], record[3]))
        break
      case Kept.forgotten:
        this.#forget(record[1])
        break
      case Kept.commit:
        this.#commit(this.#space(record[1]), record[2], record[3], record[4])
        break
      case Kept.lease: {
        const [, number, key, [session, state, pid, name], ephemeral, due] = record
        // The clock of leases begins anew with each process.
        const ttl = due === null ? null : Math.max(0, due - wallClock())
        this.#space(number).tie(key, { session, state, pid, name }, [ephemeral, ttl])
        break
      }
      case Kept.session:
        this.lastSession = Math.max(this.lastSession, record[1])
        this.sessions.set(record[1], { token: record[2], answers: new Map(), bytes: 0 })
        break
      case Kept.ended:
        this.sessions.delete(record[1])
        break
      case Kept.index:
        this.forgotten.drop(record[1])
        for (const [name, revision] of record[2]) this.forgotten.add(name, revision)
        break
      case Kept.entries:
        for (const [key, value] of record[2]) this.#space(record[1]).values.set(key, value)
        break
      case Kept.answers:
        for (const answer of record[2]) {
          const kept = this.sessions.get(record[1])
          if (kept) keepAnswer(kept, answer)
        }
        break
    }
  };

  /** The records that make up what there is now. */
  *records(): Generator<LogRecord> {
    const { names, dropped } = this.forgotten.all
    const spaces = [...this.spaces.values()].map(({ name, revision }): Revision => [name, revision])
    yield [Kept.index, dropped, [...names], spaces]
    for (const [number, { token, answers }] of this.sessions) {
      yield [Kept.session, number, token]
      for (const some of inParts(answers.values())) yield [Kept.answers, number, some]
    }
    for (const [number, space] of this.spaces) {
      yield [Kept.namespace, number, space.name, space.revision]
      for (const some of inParts(space.values)) yield [Kept.entries, number, some]
      for (const { key, author, ephemeral, due } of space.leases())
        yield [
          Kept.lease,
          number,
          key,
          [author.session, author.state, author.pid, author.name],
          ephemeral,
          due === Number.POSITIVE_INFINITY ? null : wallClock() + due - monotonic(),
        ]
    }
  }

  #forget(number: number): void {
    const { name, revision } = this.#space(number)
    this.forgotten.add(name, revision)
    this.spaces.delete(number)
  }

  #space(number: number): Namespace {
    const space = this.spaces.get(number)
    if (!space) throw new TypeError(`a record names namespace ${number}, which no record before it names`)
    return space
  }

  #commit(space: Namespace, wire: WireCommit, id: number | undefined, result: unknown): void {
    const [session, state, pid, name, method, time, identical, changes] = wire
    const author: Author = { session, state, pid, name }
    this.commits++
    this.time = time
    this.lastSession = Math.max(this.lastSession, session)
    space.commit(author, method, changesFromWire(space, changes), identical ?? undefined, time)
    if (id === undefined) return
    const kept = this.sessions.get(session)
    if (kept) keepAnswer(kept, [id, space.revision, result as KeptAnswer[2], state])
  }
}

function keepAnswer(kept: KeptSession, answer: KeptAnswer): void {
  const { answers } = kept
  answers.set(answer[0], answer)
  kept.bytes += weigh(answer)
  while (answers.size > KEPT_ANSWERS || (kept.bytes > KEPT_BYTES && answers.size > 1)) {
    const [oldest, gone] = answers.entries().next().value as [number, KeptAnswer]
    answers.delete(oldest)
    kept.bytes -= weigh(gone)
  }
}

function* inParts<T>(items: Iterable<T>): Generator<T[]> {
  let part: T[] = []
  for (const item of items) {
    part.push(item)
    if (part.length < ENTRIES) continue
    yield part
    part = []
  }
  if (part.length > 0) yield part
}
