import { LiveTree } from '../protocol/live-tree.ts'
import type { Entry, Step } from '../protocol/messages.ts'
import { Packed, type Wire } from '../protocol/values.ts'
import { ABSENT, type Change, type Slot, type Values } from './commit.ts'
import type { Namespace } from './namespace.ts'
import { ShardedMap } from './sharded-map.ts'
import { makeSteps } from './steps.ts'

// Commits, entries or steps between two places where the work may be left.
const AT_ONCE = 256
// Elements that are moved in a list in the time of a step, about.
const MOVED_AT_ONCE = 1000

/**
 * The entries of a namespace at an earlier revision, from `first - 1` on, in lists of AT_ONCE: a single one of them all would be
 * copied whenever it grows. undefined: the commits behind that revision are no longer kept. The namespace may be written
 * wherever the work is left; an entry may come twice for that.
 */
export function* stateAt(space: Namespace, revision: number): Generator<void, Entry[][] | undefined> {
  const later = new Later(space, revision)
  let entries: Entry[] = []
  const lists = [entries]
  const put = (key: string, value: Wire) => {
    if (entries.length === AT_ONCE) {
      entries = []
      lists.push(entries)
    }
    entries.push([key, value])
  }
  const add = function* (key: string, before: Slot | StepsBack): Generator<void, boolean> {
    later.befores.set(key, ABSENT)
    const value = before instanceof StepsBack ? yield* before.value(later.base.get(key)) : before
    if (value !== ABSENT) put(key, value)
    return !(before instanceof StepsBack) || (yield* later.read())
  }
  if (!(yield* later.read())) return undefined
  let count = 0
  // What was not changed since is as it was. A state that is emptied stays in its map, as it was then.
  for (const [key, value] of later.base) {
    const before = later.befores.get(key)
    if (before === undefined && !later.befores.has(key)) put(key, value)
    else if (!(yield* add(key, before))) return undefined
    if (++count % AT_ONCE > 0) continue
    yield
    if (!(yield* later.read())) return undefined
  }
  // Those that are gone, and those that were changed while this went on.
  const sizes = later.befores.shards.map(({ size }) => size)
  for (const [i, shard] of later.befores.shards.entries()) {
    let left = sizes[i] as number
    for (const [key, before] of shard) {
      if (left-- === 0) break
      if (!(yield* add(key, before))) return undefined
      if (++count % AT_ONCE > 0) continue
      yield
      if (!(yield* later.read())) return undefined
    }
  }
  return lists
}

/** What the commits behind a revision changed, read from the oldest on: what comes next may drop the oldest of them. */
class Later {
  /** What a key held at the revision, if it was changed since. */
  readonly befores = new ShardedMap<Slot | StepsBack>()
  /** What the other keys hold, and where steps back begin that have no value of their own. */
  base: Values
  readonly #space: Namespace
  #revision: number
  // The state was emptied: what comes behind that says nothing of the state before.
  #isOver = false

  constructor(space: Namespace, revision: number) {
    this.#space = space
    this.#revision = revision
    this.base = space.values
  }

  /** Reads up to the newest commit; false: some are no longer kept. It is not left between that commit and its end. */
  *read(): Generator<void, boolean> {
    const space = this.#space
    for (let count = 1; this.#revision < space.revision && !this.#isOver; count++) {
      if (this.#revision + 1 < space.first) return false
      for (const change of space.at(++this.#revision).changes) if (!this.#isOver) this.#see(change)
      if (count % AT_ONCE === 0) yield
    }
    return true
  }

  #see(change: Change): void {
    if (change.key === null) {
      this.base = change.before
      this.#isOver = true
      return
    }
    const { key, before, undo } = change
    const known = this.befores.get(key)
    if (known instanceof StepsBack) known.see(before, undo)
    else if (known === undefined && !this.befores.has(key))
      this.befores.set(key, undo ? new StepsBack(undo) : before)
  }
}

/** The way back of a value that was changed in steps. */
class StepsBack {
  // Of each commit, oldest first.
  readonly #undos: (readonly Step[])[]
  // Where they begin, if a commit put another value in place of that.
  #from: Slot | undefined

  constructor(undo: readonly Step[]) {
    this.#undos = [undo]
  }

  see(before: Slot, undo: readonly Step[] | null): void {
    if (this.#from !== undefined) return
    if (undo) this.#undos.push(undo)
    else this.#from = before
  }

  /** `now`: what the key holds behind the newest commit that was seen. */
  *value(now: Slot | undefined): Generator<void, Slot> {
    const from = this.#from ?? now
    if (!(from instanceof Packed)) throw new TypeError('steps lead back from what is no tree')
    // The first step copies what it changes; from then on it is nobody else's.
    const tree = new LiveTree(from.shared(), true)
    let work = 0
    for (let i = this.#undos.length - 1; i >= 0; i--) {
      const undo = this.#undos[i] as readonly Step[]
      const moved = tree.moved
      makeSteps(tree, undo)
      work += undo.length + (tree.moved - moved) / MOVED_AT_ONCE
      if (work < AT_ONCE) continue
      work = 0
      yield
    }
    return Packed.ofTree(tree)
  }
}
