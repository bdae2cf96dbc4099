import { Ask } from '../protocol/kinds-of-requests.ts'
import type { Entry, Run, Step, WireChange, WireLease } from '../protocol/messages.ts'
import { TREE_DEPTH } from '../protocol/value-scan.ts'
import { checkKey, describe, equalWires, isWire, Packed, type Wire } from '../protocol/values.ts'
import { ABSENT, type Author, type Change, change, changeFromWire, type Slot, slot } from './commit.ts'
import { STEPS } from './draft.ts'
import type { Namespace } from './namespace.ts'

/** The dict methods that only read, by their kind of message. `ABSENT`: the key is not there. */
export const reads: Record<number, (space: Namespace, argument: never) => unknown> = {
  [Ask.get]: (space, key: string): Slot => slot(space.values, key),
  [Ask.has]: (space, key: string) => space.values.has(key),
  [Ask.size]: space => space.values.size,
  [Ask.keys]: space => [...space.values.keys()],
  [Ask.values]: space => [...space.values.values()],
  [Ask.items]: space => [...space.values],
  [Ask.lease]: (space, key: string) => space.leaseOf(key),
  [Ask.equals]: (space, entries: Entry[]) => {
    const { values } = space
    return (
      entries.length === values.size &&
      entries.every(([key, value]) => values.has(key) && equalWires(values.get(key), value))
    )
  },
}

type Write = (
  space: Namespace,
  author: Author,
  first: never,
  second: never,
  lease?: WireLease,
) => Slot | Entry

/** The dict methods that may change the state; each is one commit or none, and gives back the call's result. */
export const writes: Record<number, Write> = {
  [Ask.set]: (space, author, key: string, value: Wire, lease) => {
    if (lease) checkLease(lease)
    space.commit(author, 'set', [put(space, key, value)])
    if (lease) space.tie(key, author, lease)
    return undefined
  },
  [Ask.replace]: (space, author, entries: Entry[]) => {
    const changes: Change[] = entries.map(([key, value]) => change(checked(key), ABSENT, own(space, value)))
    space.commit(author, 'set', [{ key: null, before: space.values }, ...changes])
    return undefined
  },
  [Ask.update]: (space, author, entries: Entry[]) => {
    space.commit(
      author,
      'update',
      entries.map(([key, value]) => put(space, key, value)),
    )
    return undefined
  },
  [Ask.delete]: (space, author, key: string) => {
    const before = slot(space.values, key)
    if (before !== ABSENT) space.commit(author, 'delete', [change(key, before, ABSENT)])
    return before !== ABSENT
  },
  [Ask.clear]: (space, author) => {
    space.commit(author, 'clear', [{ key: null, before: space.values }])
    return undefined
  },
  [Ask.pop]: (space, author, key: string) => {
    const before = slot(space.values, key)
    if (before !== ABSENT) space.commit(author, 'pop', [change(key, before, ABSENT)])
    return before
  },
  [Ask.popItem]: (space, author) => {
    const key = space.newestKey()
    if (key === undefined) return ABSENT
    const value = space.values.get(key)
    space.commit(author, 'popItem', [change(key, value, ABSENT)])
    return [key, value]
  },
  [Ask.setDefault]: (space, author, key: string, value: Wire, lease) => {
    if (lease) checkLease(lease)
    const before = slot(space.values, key)
    if (before !== ABSENT) return before
    space.commit(author, 'setDefault', [change(checked(key), ABSENT, own(space, value))])
    if (lease) space.tie(key, author, lease)
    return value
  },
}

/** Changes that were made elsewhere, on the state as it is now. */
export function changesFromWire(space: Namespace, wireChanges: WireChange[]): Change[] {
  const keys = wireChanges.length > 1 ? new Set<string>() : undefined
  for (const wire of wireChanges) {
    if (wire.length === 0) continue
    const key = checked(wire[0])
    if (keys?.has(key)) throw new TypeError(`commit: ${describe(key)} is changed twice`)
    keys?.add(key)
    if (wire.length === 3) {
      if (wireChanges.some(({ length }) => length === 0))
        throw new TypeError(`commit: ${describe(wire[0])} is changed in steps, but the state is emptied`)
      wire[2] = ownSteps(space, wire[2])
    } else if (wire.length === 2) wire[1] = own(space, wire[1])
  }
  return wireChanges.map(wire => changeFromWire(space.values, wire))
}

const put = (space: Namespace, key: string, value: Wire): Change =>
  change(checked(key), slot(space.values, key), own(space, value))

function checked(key: unknown): string {
  checkKey(key, 'commit')
  return key
}

// What arrived in a frame is a view on the whole frame: keep the value alone. A client may send what it likes: an object
// that is no Packed value would be shared with all who read it, and changed by them.
function own(space: Namespace, value: unknown): Wire {
  if (!isWire(value)) throw new TypeError('commit: a message held something that is no encoded value')
  if (!(value instanceof Packed)) return value
  value.check(space.maxDepth)
  return value.own()
}

function checkLease([ephemeral, ttl]: WireLease): void {
  if (typeof ephemeral !== 'boolean' || !(ttl === null || (typeof ttl === 'number' && ttl > 0)))
    throw new TypeError(
      'commit: a lease is whether it is ephemeral, and null or a positive number of milliseconds',
    )
}

/** Steps as the log keeps them. */
function ownSteps(space: Namespace, steps: unknown): Step[] {
  // A step may move all that is in a list: so many of them for each key, and no more.
  if (!Array.isArray(steps) || steps.length > STEPS)
    throw new RangeError(`commit: steps must be a list of ${STEPS} at most, got ${describe(steps)}`)
  return steps.map(step => ownStep(space, step))
}

function ownStep(space: Namespace, step: Step): Step {
  const [op, path] = step
  if (!Array.isArray(path) || !path.every(isPart) || (path.length === 0 && op !== 'splice'))
    throw new TypeError('commit: a step leads nowhere: its path is no list of keys')
  if (op === 'put') return [op, path, ownPart(space, step[2], path.length)]
  if (op === 'remove') return [op, path]
  if (op !== 'splice' || !Array.isArray(step[4]))
    throw new TypeError(`commit: there is no step ${describe(op)} of this kind`)
  const [, , at, removed, items] = step
  const owned = items.map((item): Wire | Run =>
    Array.isArray(item) ? [item[0], item[1]] : ownPart(space, item, path.length + 1),
  )
  return [op, path, at, removed, owned]
}

const isPart = (part: unknown): boolean =>
  typeof part === 'string'
    ? part !== '__proto__' && part.isWellFormed()
    : typeof part === 'number' && Number.isSafeInteger(part)

/** A value that goes into a tree, so many levels down. */
function ownPart(space: Namespace, value: unknown, above: number): Wire {
  const wire = own(space, value)
  if (!(wire instanceof Packed)) return wire
  wire.check(Math.min(space.maxDepth, TREE_DEPTH), above)
  if (!wire.isTree) throw new TypeError('commit: a step puts a value into a tree that is none')
  return wire
}
