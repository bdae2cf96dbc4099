import { inPieces } from '../async/pieces.ts'
import { encode } from '../protocol/frames.ts'
import type { LogPage } from '../protocol/messages.ts'
import { stateAt } from '../store/earlier.ts'
import { encodeEntries } from '../store/entry-parts.ts'
import type { Namespace } from '../store/namespace.ts'
import { notKept } from '../store/not-kept.ts'
import type { Room } from './core.ts'
import { chunkOf } from './feed.ts'

// What clients ask of the log besides reading on: from memory as far as that goes back, else from disk.

// What bounds the log in memory.
const SETTINGS = 'historyLimit, historyBytes of the server'

// No commits.
const NONE = encode([])

/** Gets a part of the entries of a state, as a msgpack array. */
export type OnPart = (entries: Uint8Array) => void

/** See Ask.page: `part` gets what goes ahead of the answer. Rejects with MissedUpdatesError for what is not kept. */
export async function pageOf(
  room: Room,
  first: number,
  last: number,
  wantsState: boolean,
  part: OnPart,
): Promise<LogPage> {
  const { space, feeds } = room
  const { archive } = feeds
  const { revision } = space
  if (!Number.isSafeInteger(first) || first < 0 || typeof last !== 'number')
    throw new TypeError('a page of the log begins at a revision')
  if (first > revision + 1) return [first, null, NONE, revision]
  const end = Math.min(last, revision)
  if (archive && first < space.first && space.first > 1) {
    const page = await archive.page(space.name, first, end, wantsState)
    if (page.first < space.first) {
      const state = page.state && (await inPieces(allButLast(page.state, part)))
      return [page.first, state, page.commits, revision]
    }
  }
  const from = first === 0 ? space.first : first
  if (from < space.first) throw notKept(first, space.first, SETTINGS)
  const { commits } = chunkOf(space, from, end)
  if (!wantsState) return [from, null, commits, revision]
  const state = await inPieces(encodedStateAt(space, from - 1, part))
  // What memory no longer has may be on disk.
  return state ? [from, state, commits, revision] : pageOf(room, first, last, wantsState, part)
}

function* encodedStateAt(
  space: Namespace,
  revision: number,
  part: OnPart,
): Generator<void, Uint8Array | undefined> {
  const state = yield* stateAt(space, revision)
  return state && (yield* encodeEntries(state, part))
}

function* allButLast(parts: readonly Uint8Array[], part: OnPart): Generator<void, Uint8Array> {
  for (const one of parts.slice(0, -1)) {
    part(one)
    yield
  }
  return parts.at(-1) ?? NONE
}

/** See Ask.when: the revision of the newest commit that is not younger. */
export async function revisionAt({ space, feeds: { archive } }: Room, time: number): Promise<number> {
  if (typeof time !== 'number' || Number.isNaN(time))
    throw new TypeError('a time is a number of milliseconds')
  for (let revision = space.revision; revision >= space.first; revision--)
    if (space.timeAt(revision) <= time) return revision
  if (space.first === 1) return 0
  if (archive) return archive.when(space.name, time)
  throw notKept(1, space.first, SETTINGS)
}
