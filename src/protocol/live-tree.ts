export type Container = Record<string, unknown> | unknown[]

// Shorter arrays are moved up when their first elements go: that costs next to nothing.
const LONG = 64
const ROOM: readonly unknown[] = new Array(4096).fill(0)

/**
 * A decoded tree that is changed in place: a change costs what it changes, however much there is beside it. What was lent
 * is copied before it changes, from the root down to the place. The first elements of a long array go without the others
 * being moved: a number of dead slots stays at its beginning until the tree is lent or encoded, or until they are the half.
 */
export class LiveTree {
  #root: unknown
  /** The containers that were copied since the tree was lent; undefined: it was never lent. */
  #own: WeakSet<object> | undefined
  /** For arrays that begin with dead slots, how many. */
  #dead: Map<unknown[], number> | undefined
  /** Dead slots that a list gets which grows at its beginning: each time twice as many. */
  #room = LONG
  /** Elements of lists that were moved, or copied with their list, to make changes. */
  moved = 0

  /** `isLent`: others hold parts of it. */
  constructor(root: unknown, isLent: boolean) {
    this.#root = root
    if (isLent) this.#own = new WeakSet()
  }

  /** What is in it may begin with dead slots. */
  get root(): unknown {
    return this.#root
  }

  /** Whether all that changes is changed in place, where nothing else sees it. */
  get isOwn(): boolean {
    return this.#own === undefined || this.#own.has(this.#root as object)
  }

  deadSlots(list: unknown[]): number {
    return this.#dead?.get(list) ?? 0
  }

  /** The whole value, without dead slots, for reading at once. */
  settled(): unknown {
    this.#room = LONG
    this.#dead?.forEach((dead, list) => void list.splice(0, dead))
    this.#dead = undefined
    return this.#root
  }

  /** The whole value, for keeping: no later change reaches it. */
  lend(): unknown {
    this.#own = new WeakSet()
    return this.settled()
  }

  /** A part that is no longer in the tree, without dead slots. */
  detached(part: unknown): unknown {
    if (this.#dead?.size)
      for (const list of listsIn(part)) {
        const dead = this.deadSlots(list)
        // One without them may be frozen.
        if (dead > 0) list.splice(0, dead)
        this.#dead?.delete(list)
      }
    return part
  }

  /** A part as it is now; copied if there are dead slots in the tree. */
  plain(part: unknown): unknown {
    if (!this.#dead?.size || typeof part !== 'object' || part === null) return part
    if (Array.isArray(part)) return part.slice(this.deadSlots(part)).map(held => this.plain(held))
    return Object.fromEntries(Object.entries(part).map(([key, held]) => [key, this.plain(held)]))
  }

  /** The container at `path`, to be changed; `length` of the path's parts lead to it. */
  open(path: readonly (string | number)[], length: number): Container {
    let at = this.#writable(this.#root)
    this.#root = at
    for (let i = 0; i < length; i++) {
      const key = path[i] as string | number
      if (Array.isArray(at)) {
        const index = this.slot(at, key)
        at = at[index] = this.#writable(at[index])
      } else {
        if (!Object.hasOwn(at, key)) throw missing(key)
        at = at[key] = this.#writable(at[key])
      }
    }
    return at
  }

  /** Where an element is, behind the dead slots. */
  slot(list: unknown[], key: string | number): number {
    const dead = this.deadSlots(list)
    if (typeof key !== 'number' || !Number.isInteger(key) || key < 0 || key >= list.length - dead)
      throw missing(key)
    return key + dead
  }

  /** As `Array.prototype.splice`, for a list that `open` gave. */
  splice(list: unknown[], at: number, removed: number, added: readonly unknown[]): void {
    const dead = this.deadSlots(list)
    const fewer = removed - added.length
    const start = at + dead
    if (at === 0 && (fewer > 0 ? list.length - dead > LONG : -fewer <= dead)) {
      list.fill(0, dead, dead + Math.max(fewer, 0))
      this.#bury(list, dead + fewer)
      put(list, dead + fewer, added)
    } else if (fewer === 0) put(list, start, added)
    else if (start + removed === list.length) {
      list.length = start
      for (const value of added) list.push(value)
    } else if (at === 0 && added.length < LONG && list.length - dead > LONG) this.#grow(list, removed, added)
    else if (added.length < LONG) {
      this.moved += list.length - start
      list.splice(start, removed, ...added)
    } else {
      this.moved += list.length - start
      const rest = list.splice(start)
      for (const value of added) list.push(value)
      for (let i = removed; i < rest.length; i++) list.push(rest[i])
    }
    const buried = this.deadSlots(list)
    if (buried * 2 > list.length) {
      list.splice(0, buried)
      this.#dead?.delete(list)
    }
  }

  /** Makes room at the beginning of a list for more than is added now: others may follow, and all the elements move for it. */
  #grow(list: unknown[], removed: number, added: readonly unknown[]): void {
    const room = Math.min(this.#room, list.length >> 2)
    this.#room = Math.min(2 * this.#room, ROOM.length)
    this.moved += list.length
    list.splice(0, this.deadSlots(list) + removed, ...ROOM.slice(0, room), ...added)
    this.#bury(list, room)
  }

  #bury(list: unknown[], dead: number): void {
    if (dead === 0) this.#dead?.delete(list)
    else {
      this.#dead ??= new Map()
      this.#dead.set(list, dead)
    }
  }

  #writable(node: unknown): Container {
    if (!isContainer(node)) throw new TypeError('a step leads into a value that has no parts')
    if (!this.#own || this.#own.has(node)) return node
    const isList = Array.isArray(node)
    if (isList) this.moved += node.length
    const copy = isList ? node.slice() : { ...node }
    this.#own.add(copy)
    return copy
  }
}

export function isContainer(value: unknown): value is Container {
  if (typeof value !== 'object' || value === null) return false
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}

export const missing = (key: unknown): TypeError =>
  new TypeError(`a step leads to a part that is not there: ${String(key)}`)

function put(list: unknown[], start: number, values: readonly unknown[]): void {
  for (let i = 0; i < values.length; i++) list[start + i] = values[i]
}

function listsIn(part: unknown): unknown[][] {
  const lists: unknown[][] = []
  const left = [part]
  while (left.length > 0) {
    const at = left.pop()
    if (typeof at !== 'object' || at === null) continue
    if (Array.isArray(at)) lists.push(at)
    for (const held of Object.values(at)) if (typeof held === 'object') left.push(held)
  }
  return lists
}
