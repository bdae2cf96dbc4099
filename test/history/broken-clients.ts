import { LiveLoop } from '../../src/client/live.ts'
import { OwnWrites } from '../../src/client/own.ts'
import { Place } from '../../src/client/place.ts'
import { Reader } from '../../src/client/reader.ts'
import { StateView } from '../../src/client/view.ts'
import { Wait } from '../../src/client/wait.ts'
import { Watcher } from '../../src/client/watch.ts'
import { isTime, isToldTo, type Lie, lieNow } from './lie.ts'

// Clients in this process that break the promises of watching on purpose. The witness and the director are told the truth.

export function prepareClientLies(): void {
  positionWrongly()
  countWrongly()
  missWrongly()
  liveWrongly()
  endWrongly()
}

const lies = (lie: Lie, { link }: Place): boolean => isToldTo(lie, link.connection.address)

function positionWrongly(): void {
  const { base, live, buffered, handed } = Place.prototype
  Place.prototype.base = function (matcher) {
    return lies('tests a condition without an own write', this)
      ? (this.position as number)
      : base.call(this, matcher)
  }
  const wentLive = new WeakSet<Place>()
  Place.prototype.live = function () {
    wentLive.add(this)
    return live.call(this)
  }
  Place.prototype.buffered = function (from) {
    wentLive.delete(this)
    return buffered.call(this, from)
  }
  Place.prototype.handed = function (revision) {
    const isForgotten = lies('forgets what live watchers handed out', this) && wentLive.has(this)
    handed.call(this, isForgotten ? 0 : revision)
  }
  const { reached } = StateView.prototype
  StateView.prototype.reached = function (revision) {
    return lieNow() === 'lets a view lag behind an own write' ? undefined : reached.call(this, revision)
  }
}

function countWrongly(): void {
  const { once, iterate } = Watcher.prototype
  const other = <O extends { own?: boolean }>(options: O): O =>
    lieNow() === 'leaves out own writes that were asked for' ? { ...options, own: false } : options
  Watcher.prototype.once = function (matcher, options, name, make) {
    return once.call(this, matcher, other(options), name, make) as never
  }
  Watcher.prototype.iterate = function (matcher, options, name, make) {
    return iterate.call(this, matcher, other(options), name, make) as never
  }
  const { isOwn } = Place.prototype
  Place.prototype.isOwn = function (update) {
    if (update.commit && lies('counts an own write in a live loop', this)) return false
    if (!update.commit && lies('takes a jump over own writes for an update', this)) return false
    return isOwn.call(this, update)
  }
}

function missWrongly(): void {
  const { after } = OwnWrites.prototype
  OwnWrites.prototype.after = function (revision) {
    const told = lieNow()
    if (told === 'names own writes as missed') return revision
    return told === 'skips a gap in silence' ? Number.POSITIVE_INFINITY : after.call(this, revision)
  }
}

function liveWrongly(): void {
  const { follow } = Place.prototype
  Place.prototype.follow = function (follower) {
    const reader: Reader = follow.call(this, follower)
    if (lies('shows a live loop an old state', this)) showOld(reader)
    return reader
  }
  const { next } = LiveLoop.prototype
  const last = new WeakMap<object, ReturnType<typeof next>>()
  LiveLoop.prototype.next = function () {
    const known = last.get(this)
    if (known && isTime('repeats a step of a live loop', 4)) return known
    const step = next.call(this)
    last.set(this, step)
    if (lieNow() !== 'ends a live loop before the last state') return step
    return step.then(came => (Object(came.value).end === undefined ? came : new Promise(() => {})))
  }
}

/** Its snapshots are now and then those of two steps before. */
function showOld(reader: Reader): void {
  const { snapshot } = Reader.prototype
  const old: { revision: number; value: object }[] = []
  reader.snapshot = () => {
    const value = snapshot.call(reader)
    const { position } = reader
    if (old.at(-1)?.revision !== position) old.push({ revision: position, value })
    const before = old.at(-3)
    return before && !reader.values.has('end') && isTime('shows a live loop an old state', 2)
      ? before.value
      : value
  }
}

function endWrongly(): void {
  const { closed } = Wait.prototype
  Wait.prototype.closed = function (error) {
    const told = lieNow()
    if (told === 'fails loops when their State is closed') this.lost(error)
    else if (told === 'hands nothing to one-shots when their State is closed') this.found(undefined)
    else closed.call(this, error)
  }
}
