import { encode, weigh } from '../protocol/frames.ts'
import type { Entry, WireCommit } from '../protocol/messages.ts'
import type { Values } from '../store/commit.ts'
import { encodeEntries } from '../store/entry-parts.ts'
import type { Disk } from './disk.ts'
import { type Checkpoint, LogCursor } from './log-cursor.ts'
import { basesOf, type Manifest, type SnapshotFile } from './manifest.ts'
import { Kept, type LogRecord } from './records.ts'
import { readFirst } from './snapshot.ts'

// Commits that are given together, at most; and about how many bytes of them, unless a single one has more.
const COMMITS = 256
const BYTES = 256 << 10
// Entries of a part of a state, at most.
const ENTRIES = 1000
// Cursors that are kept where they are: whoever reads on does not begin at a checkpoint again.
const CURSORS = 4

/** Part of a namespace's log. */
export interface Page {
  /** The revision of the first of the commits. */
  first: number
  /** The state before it, if that was asked for: msgpack arrays of entries, each with memory of its own. */
  state: Uint8Array[] | null
  /** A msgpack array of WireCommit. */
  commits: Uint8Array
  count: number
}

/** What was asked for is not kept: the oldest commit that is has revision `oldest`. */
export interface NotKept {
  oldest: number
}

/** Reads old states and commits of namespaces from a log on disk. */
export class Rewind {
  readonly #disk: Disk
  #cursors: LogCursor[] = []

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /**
   * Commits from revision `first` on (0: from the oldest kept), up to `last` or as many as go together, and the state before
   * them. It reads on from a cursor, or from the checkpoint before `first`.
   */
  async page(
    manifest: Manifest,
    name: string,
    first: number,
    last: number,
    wantsState: boolean,
  ): Promise<Page | NotKept> {
    const cursor = await this.#cursorAt(manifest, name, first)
    if (!(cursor instanceof LogCursor)) return cursor
    const state = wantsState ? encoded(cursor.values) : null
    const begins = cursor.revision + 1
    const commits: WireCommit[] = []
    let bytes = 0
    const isFull = () => commits.length >= COMMITS || bytes >= BYTES || cursor.revision >= last
    if (!isFull())
      await cursor.run(commit => {
        if (!commit) return false
        commits.push(commit)
        bytes += weigh(commit)
        return isFull()
      })
    const page = { first: begins, state, commits: encode(commits), count: commits.length }
    this.#cursors = [...this.#cursors, cursor].slice(-CURSORS)
    return page
  }

  /** The revision of a namespace at a time (milliseconds since 1970): of the last commit before the first later one. */
  async when(manifest: Manifest, name: string, time: number): Promise<number | NotKept> {
    const checkpoints = basesOf(manifest)
    const at = await lastThat(checkpoints, snapshot => snapshot === undefined || snapshot.time <= time)
    if (at < 0) return { oldest: (await revisionAt(this.#disk, checkpoints[0], name)) + 1 }
    const snapshot = checkpoints[at]
    const revision = await revisionAt(this.#disk, snapshot, name)
    const cursor = await LogCursor.open(this.#disk, manifest, name, { revision, snapshot })
    let found = cursor.revision
    await cursor.run(commit => {
      if (commit && commit[5] > time) return true
      found = cursor.revision
      return false
    })
    return found
  }

  /** A cursor at the state before `first`, which is the caller's. */
  async #cursorAt(manifest: Manifest, name: string, first: number): Promise<LogCursor | NotKept> {
    const known = this.#cursors.find(cursor => cursor.name === name && cursor.revision === first - 1)
    if (known) {
      this.#cursors = this.#cursors.filter(cursor => cursor !== known)
      known.manifest = manifest
      return known
    }
    const checkpoints = basesOf(manifest)
    const oldest = (await revisionAt(this.#disk, checkpoints[0], name)) + 1
    const from = first === 0 ? oldest : first
    if (from < oldest) return { oldest }
    const at = await lastThat(
      checkpoints,
      async (snapshot, i) => i === 0 || (await revisionAt(this.#disk, snapshot, name)) < from,
    )
    const checkpoint: Checkpoint = {
      snapshot: checkpoints[at],
      revision: await revisionAt(this.#disk, checkpoints[at], name),
    }
    const cursor = await LogCursor.open(this.#disk, manifest, name, checkpoint)
    if (cursor.revision < from - 1) await cursor.run(() => cursor.revision >= from - 1)
    return cursor
  }
}

/** The entries in parts: the server that gets them is not to deal with all of them at once. */
function encoded(values: Values): Uint8Array[] {
  const parts: Uint8Array[] = []
  const add = (part: Uint8Array) => void parts.push(new Uint8Array(part))
  const encoding = encodeEntries(inLists(values), add)
  let next = encoding.next()
  while (!next.done) next = encoding.next()
  add(next.value)
  return parts
}

function* inLists(values: Values): Generator<Entry[]> {
  let list: Entry[] = []
  for (const entry of values) {
    list.push(entry)
    if (list.length < ENTRIES) continue
    yield list
    list = []
  }
  yield list
}

/** The revision of a namespace at a checkpoint; one that is not there begins behind all that were dropped. */
export async function revisionAt(
  disk: Disk,
  snapshot: SnapshotFile | undefined,
  name: string,
): Promise<number> {
  if (!snapshot) return 0
  const [kind, dropped, forgotten, spaces] = (await readFirst(disk, snapshot)) as LogRecord & {
    0: typeof Kept.index
  }
  if (kind !== Kept.index) throw new TypeError(`${snapshot.file} does not begin with its index`)
  for (const list of [spaces, forgotten])
    for (const [one, revision] of list) if (one === name) return revision
  return dropped
}

/** The index of the last item for which `holds` is true, where it holds for none behind one for which it does not; -1: none. */
async function lastThat<T>(
  items: readonly T[],
  holds: (item: T, i: number) => boolean | Promise<boolean>,
): Promise<number> {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (await holds(items[middle] as T, middle)) low = middle + 1
    else high = middle
  }
  return low - 1
}
