import { monotonic, wallClock } from '../async/interval.ts'
import type { WireCommit } from '../protocol/messages.ts'
import type { Author } from '../store/commit.ts'
import { Forgotten } from '../store/forgotten.ts'
import { changesFromWire } from '../store/methods.ts'
import type { Namespace } from '../store/namespace.ts'
import { Answers } from './answers.ts'
import { type KeptCommit, RecordReader, type RecordVisitor } from './record-reader.ts'
import { Kept, type KeptAnswer, type LogRecord, type Revision } from './records.ts'

// Entries of one record of a snapshot.
const ENTRIES = 500

export interface KeptSession {
  token: Uint8Array
  answers: Answers
}

/** Namespaces and sessions as the records of a log make them. */
export class Replay implements RecordVisitor {
  readonly spaces = new Map<number, Namespace>()
  readonly sessions = new Map<number, KeptSession>()
  /** Commits that were replayed, and the time of the newest (0: none). */
  commits = 0
  time = 0
  /** The highest number of a session that has committed anything. */
  lastSession = 0
  readonly forgotten = new Forgotten()
  #author: Author | undefined
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
        this.commit(record[1], fromWireCommit(record[2]), record[3], record[4])
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
        this.sessions.set(record[1], { token: record[2], answers: new Answers() })
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
        for (const answer of record[2]) this.sessions.get(record[1])?.answers.add(...answer)
        break
    }
  }

  /** Applies the records of a block. */
  read(payload: Uint8Array): void {
    new RecordReader(payload).each(this)
  }

  other(record: LogRecord): void {
    this.apply(record)
  }

  /** The records that make up what there is now. */
  *records(): Generator<LogRecord> {
    const { names, dropped } = this.forgotten.all
    const spaces = [...this.spaces.values()].map(({ name, revision }): Revision => [name, revision])
    yield [Kept.index, dropped, [...names], spaces]
    for (const [number, { token, answers }] of this.sessions) {
      yield [Kept.session, number, token]
      for (const some of inParts(answers)) yield [Kept.answers, number, some]
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

  commit(number: number, commit: KeptCommit, id: number | undefined, result: unknown): void {
    const { method, time, identical, changes } = commit
    const space = this.#space(number)
    const author = this.#authorOf(commit.author)
    this.commits++
    this.time = time
    if (author.session > this.lastSession) this.lastSession = author.session
    space.commit(author, method, changesFromWire(space, changes), identical ?? undefined, time)
    if (id === undefined) return
    const { answers } = this.sessions.get(author.session) ?? {}
    answers?.add(id, space.revision, result as KeptAnswer[2], author.state)
  }

  // One for the commits of a State that follow each other: the log of the namespace keeps it.
  #authorOf(author: Author): Author {
    const last = this.#author
    if (last && sameAuthor(last, author)) return last
    this.#author = author
    return author
  }
}

const sameAuthor = (a: Author, b: Author): boolean =>
  a === b || (a.session === b.session && a.state === b.state && a.pid === b.pid && a.name === b.name)

function fromWireCommit([
  session,
  state,
  pid,
  name,
  method,
  time,
  identical,
  changes,
]: WireCommit): KeptCommit {
  return { author: { session, state, pid, name }, method, time, identical, changes }
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
