import { decode, encode } from '../../src/protocol/frames.ts'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import type { Entry, Jump, WireCommit } from '../../src/protocol/messages.ts'
import { type Feed, Feeds, type Listener } from '../../src/server/feed.ts'
import { Exclusive } from '../../src/server/hold.ts'
import { Reading } from '../../src/server/reading.ts'
import { ABSENT, type Author, type Change, slot } from '../../src/store/commit.ts'
import { stateAt } from '../../src/store/earlier.ts'
import { reads } from '../../src/store/methods.ts'
import { Namespace } from '../../src/store/namespace.ts'
import { finished } from '../kit/finished.ts'
import { prepareClientLies } from './broken-clients.ts'
import { DIRECTOR } from './commits.ts'
import { isTime, lieNow } from './lie.ts'

// A server in this process that breaks its promises on purpose, to show that the checker can tell. What it does wrong is
// wrapped around the parts of a real one; the witness, who is the first to read a namespace's log, is always told the truth.

/** Must be called before a server is started. */
export function prepareLies(): void {
  writeWrongly()
  readWrongly()
  watchWrongly()
  prepareClientLies()
}

function writeWrongly(): void {
  const { commit } = Namespace.prototype
  const withheld = new Map<Namespace, { author: Author; again: () => void }>()
  Namespace.prototype.commit = function (author, method, changes: readonly Change[], identical) {
    const now = () => commit.call(this, author, method, changes, identical)
    if (author.name === DIRECTOR) return now()
    if (isTime('drops a write', 12)) return
    const held = withheld.get(this)
    if (held && held.author.session === author.session && held.author.state === author.state) {
      withheld.delete(this)
      now()
      return held.again()
    }
    if (!held && isSimple(method) && isTime('reorders writes', 8))
      return void withheld.set(this, { author, again: now })
    now()
    if (isTime('repeats a write', 12)) now()
  }
  const held = Object.getOwnPropertyDescriptor(Exclusive.prototype, 'held')!.get as () => boolean
  Object.defineProperty(Exclusive.prototype, 'held', {
    get() {
      return lieNow() !== 'lets writers in during a hold' && held.call(this)
    },
  })
}

function readWrongly(): void {
  const { [Ask.get]: get, [Ask.items]: items } = reads as Record<
    number,
    (space: Namespace, key: string) => unknown
  >
  const old = (space: Namespace, back: number) =>
    new Map(finished(stateAt(space, Math.max(space.first - 1, space.revision - back)))?.flat())
  reads[Ask.get] = (space, key: string) =>
    isTime('serves a stale read', 3) ? slot(old(space, 30), key) : get!(space, key)
  reads[Ask.items] = (space, key: never) => {
    const now = items!(space, key) as Entry[]
    if (!isTime('tears a snapshot', 2)) return now
    const before = old(space, 20)
    return now.map(([key, value], i): Entry => {
      const was = slot(before, key)
      return i % 2 === 0 && was !== ABSENT ? [key, was] : [key, value]
    })
  }
}

function watchWrongly(): void {
  const { add, seek } = Feeds.prototype
  const witnessed = new WeakSet<Feeds>()
  const liedTo = new WeakSet<Feed>()
  Feeds.prototype.add = function (feed: Feed) {
    if (witnessed.has(this) && !liedTo.has(feed)) {
      feed.session = liar(feed, this)
      liedTo.add(feed)
    }
    witnessed.add(this)
    add.call(this, feed)
  }
  Feeds.prototype.seek = function (feed): Jump {
    const { space } = (feed as Feed & { room: { space: Namespace } }).room
    const jump = seek.call(this, feed)
    if (!isTime('goes back', 3)) return jump
    const before = finished(stateAt(space, Math.max(space.first - 1, space.revision - 20)))?.flat() ?? []
    return [space.revision, null, before]
  }
  const { tellFellBehind, open } = Reading.prototype
  Reading.prototype.open = function (number, room, from, credit, begun) {
    // As if the State had watched before: see orOldestKept.
    const asked = from < -1 && lieNow() === 'names a gap before the first watch' ? -2 - from : from
    return open.call(this, number, room, asked, credit, begun)
  }
  Reading.prototype.tellFellBehind = function (feed, from, to) {
    tellFellBehind.call(this, feed, lieNow() === 'names a wrong gap' ? from + 10 : from, to)
  }
}

// Milliseconds by which updates come later than they should.
const LAG = 5

function liar(told: Feed, feeds: Feeds): Listener {
  const { session } = told
  let isBehind = false
  /** As if what was to be sent was no longer kept: the client goes on with a jump over it. */
  const fallBehind = (first: number) => {
    if (isBehind) return
    isBehind = true
    queueMicrotask(() => {
      isBehind = false
      feeds.remove(told)
      told.position = first - 1
      session.tellFellBehind(told.id, first, first)
    })
  }
  const tellUpdates: Listener['tellUpdates'] = (feed, first, sent, bytes) => {
    // A copy: feeds that are sent the same share it.
    const read = decode(Array.isArray(sent) ? encode(sent) : sent) as WireCommit[]
    const commits = lieNow() ? changed(read) : undefined
    if (isBehind || isTime('takes a jump over own writes for an update', 3)) fallBehind(first)
    else if (lieNow() === 'lets a view lag behind an own write')
      setTimeout(() => session.tellUpdates(feed, first, sent, bytes), LAG)
    else if (!commits) session.tellUpdates(feed, first, sent, bytes)
    else if (commits.length > 0) {
      const encoded = encode(commits)
      session.tellUpdates(feed, first, encoded, encoded.length)
    }
  }
  return new Proxy(session, {
    get: (_, name) => {
      if (name === 'tellUpdates') return tellUpdates
      const value: unknown = Reflect.get(session, name, session)
      return typeof value === 'function' ? value.bind(session) : value
    },
  })
}

/** What is told instead of these commits. */
function changed(commits: WireCommit[]): WireCommit[] {
  const told = lieNow()
  const keys = commits.map(setKey)
  const at = keys.findIndex(key => key !== undefined)
  const pair = keys.findIndex((key, i) => key && keys[i + 1] && key !== keys[i + 1])
  if (told === 'passes on own writes') for (const commit of commits) commit[0] = -1
  if (told === 'tears an update')
    for (const [, , , name, method, , , changes] of commits)
      if (changes.length > 1 && name !== DIRECTOR && isSimple(method) && isTime(told, 2)) changes.pop()
  if (at >= 0 && isTime('loses an update', 3)) commits.splice(at, 1)
  if (at >= 0 && isTime('repeats an update', 3)) commits.splice(at, 0, commits[at]!)
  if (pair >= 0 && isTime('reorders updates', 1)) commits.splice(pair, 2, commits[pair + 1]!, commits[pair]!)
  return commits
}

/** The register, if any, that a commit gave a new value and nothing else. */
function setKey([, , , , method, , identical, changes]: WireCommit): string | undefined {
  const key = changes[0]?.[0]
  return method === 'set' && changes.length === 1 && !identical && key?.startsWith('r') ? key : undefined
}

// Of these writes nothing else hangs, so that a lie about one does not end in an error at once.
const isSimple = (method: string): boolean => ['set', 'update', 'setDefault'].includes(method)
