import { LiveTree, missing } from '../protocol/live-tree.ts'
import type { Run, Step } from '../protocol/messages.ts'
import { fromWire, keptWire, Packed, Remake, type Wire } from '../protocol/values.ts'

/**
 * The value with the steps made. It takes the decoded tree over from `before` and changes it in place, so that the cost is that
 * of the steps; `before` stays the value that it is, at the cost of going back if it is read again. `undo` gets the steps that
 * lead back. Steps that lead nowhere are a TypeError, and then nothing has changed.
 */
export function applySteps(before: Packed, steps: readonly Step[], undo: Step[] = []): Packed {
  const tree = before.tree()
  if (!tree.isOwn) return copied(tree.root, steps, undo)
  applyAll(tree, steps, undo)
  const after = Packed.ofTree(tree)
  before.giveUp(new Earlier(after, undo))
  return after
}

/** The value with the steps made, where `before` is the one that others go on with. */
export const copyWithSteps = (before: Packed, steps: readonly Step[]): Packed =>
  copied(before.shared(), steps, [])

function copied(root: unknown, steps: readonly Step[], undo: Step[]): Packed {
  const tree = new LiveTree(root, true)
  applyAll(tree, steps, undo)
  return Packed.ofTree(tree)
}

/** Makes steps in a tree that nothing else sees; the way back is not kept. */
export function makeSteps(tree: LiveTree, steps: readonly Step[]): void {
  for (const step of steps) applyStep(tree, step, [])
}

/** A value whose tree has become a later one. */
class Earlier extends Remake {
  readonly #later: Packed
  readonly #undo: readonly Step[]

  constructor(later: Packed, undo: readonly Step[]) {
    super()
    this.#later = later
    this.#undo = undo
  }

  make(): unknown {
    // However many steps back it is, they are made on one copy.
    const back = [this.#undo]
    let later = this.#later
    for (let next = later.remake; next instanceof Earlier; next = later.remake) {
      back.push(next.#undo)
      later = next.#later
    }
    const tree = new LiveTree(later.shared(), true)
    for (let steps = back.pop(); steps; steps = back.pop()) applyAll(tree, steps, [])
    return tree.settled()
  }
}

function applyAll(tree: LiveTree, steps: readonly Step[], undo: Step[]): void {
  const back: Step[] = []
  try {
    for (const step of steps) applyStep(tree, step, back)
  } catch (error) {
    for (let step = back.pop(); step; step = back.pop()) applyStep(tree, step, [])
    throw error
  }
  for (let step = back.pop(); step; step = back.pop()) undo.push(step)
}

function applyStep(tree: LiveTree, step: Step, back: Step[]): void {
  const [op, path] = step
  if (op === 'splice') return splice(tree, step, back)
  const value = op === 'put' ? fromWire(step[2]) : undefined
  const parent = tree.open(path, path.length - 1)
  const key = path[path.length - 1] as string | number
  if (Array.isArray(parent)) {
    if (op !== 'put') throw new TypeError(`a step leaves a hole in a list: ${key}`)
    const slot = tree.slot(parent, key)
    back.push(['put', path, kept(tree, parent[slot])])
    parent[slot] = value
  } else if (op === 'put') {
    if (key === '__proto__') throw new TypeError('__proto__ is refused as a key')
    back.push(Object.hasOwn(parent, key) ? ['put', path, kept(tree, parent[key])] : ['remove', path])
    parent[key] = value
  } else {
    if (!Object.hasOwn(parent, key)) throw missing(key)
    back.push(['put', path, kept(tree, parent[key])])
    delete parent[key]
  }
}

const kept = (tree: LiveTree, part: unknown): Wire => keptWire(tree.detached(part))

function splice(tree: LiveTree, [, path, at, removed, items]: Step & { 0: 'splice' }, back: Step[]): void {
  const list = tree.open(path, path.length)
  if (!Array.isArray(list)) throw new TypeError('a step splices what is no list')
  const dead = tree.deadSlots(list)
  if (!isCount(at) || !isCount(removed) || at + removed > list.length - dead) throw missing(at)
  const added: unknown[] = []
  // For each element that gives way, where it comes again, counted from 1.
  let places: Uint32Array | undefined
  for (const item of items) {
    if (!Array.isArray(item)) {
      added.push(fromWire(item))
      continue
    }
    const [from, count] = item
    if (!isCount(from) || !isCount(count) || from < at || from + count > at + removed) throw missing(from)
    places ??= new Uint32Array(removed)
    for (let i = from; i < from + count; i++) {
      if (places[i - at] !== 0) throw new TypeError(`a step puts an element into a list twice: ${i}`)
      places[i - at] = added.push(list[i + dead])
    }
  }
  const old: (Wire | Run)[] = []
  for (let i = at; i < at + removed; i++) {
    const place = places?.[i - at] ?? 0
    if (place === 0) old.push(kept(tree, list[i + dead]))
    else extend(old, at + place - 1)
  }
  back.push(['splice', path, at, added.length, old])
  tree.splice(list, at, removed, added)
}

/** Adds one more element that was there before. */
export function extend(items: (Wire | Run)[], from: number): void {
  const last = items[items.length - 1]
  if (Array.isArray(last) && last[0] + last[1] === from) last[1]++
  else items.push([from, 1])
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
