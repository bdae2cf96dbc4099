import { weightOfText } from '../protocol/value-weight.ts'
import { Packed } from '../protocol/values.ts'
import { ABSENT, type Author, type Change, type Commit, type Slot, type Values } from './commit.ts'

// Commits that lie in one block.
const BLOCK = 256

// Bytes of memory, measured: of a commit's places in its block; of a change that is an object, with its place in a list; of a
// list; of a number that is no small integer; of a state that was emptied, and of an entry of it besides its key.
const COMMIT = 64
const CHANGE = 72
const LIST = 48
const DOUBLE = 16
const VALUES = 150
const ENTRY = 36

/**
 * Commits that follow each other, what they consist of side by side: an object for each would be copied twice by the
 * collector, and looked at again and again, for as long as it is kept.
 */
class Block {
  readonly authors: Author[]
  readonly methods: string[]
  readonly times: number[]
  readonly identical: boolean[]
  // The key of a commit's only change, with what that put in place of what; or else the changes.
  readonly changes: (string | readonly Change[])[]
  readonly befores: Slot[]
  readonly afters: Slot[]
  readonly weights: number[]

  /** `size`: how many commits there is to be room for at once. */
  constructor(size: number) {
    this.authors = new Array(size)
    this.methods = new Array(size)
    this.times = new Array(size)
    this.identical = new Array(size)
    this.changes = new Array(size)
    this.befores = new Array(size)
    this.afters = new Array(size)
    this.weights = new Array(size)
  }
}

/**
 * The newest commits of a log: `limit` of them at most, and as many as weigh `bytes`, the newest apart. A commit weighs what
 * it takes in memory besides the state: its own entries, and the values that it replaced, which nothing else holds any more.
 */
export class History {
  readonly limit: number
  readonly #limitBytes: number
  /** The oldest revision that is kept; one above the newest while there is none. */
  first: number
  #last: number
  #bytes = 0
  readonly #blocks: Block[] = []
  /** The revision with which the first block begins. */
  #start: number
  /** A block that is no longer used: a log that is full allocates nothing. */
  #spare: Block | undefined

  /** `revision`: the last one before the log begins. */
  constructor(limit: number, bytes = Number.POSITIVE_INFINITY, revision = 0) {
    this.limit = limit
    this.#limitBytes = bytes
    this.#last = revision
    this.first = this.#start = revision + 1
  }

  /** About how many bytes of memory the commits take besides the state. */
  get bytes(): number {
    return this.#bytes
  }

  add(author: Author, method: string, time: number, identical: boolean, changes: readonly Change[]): void {
    if (this.#last - this.first + 1 === this.limit) this.#drop()
    const at = (++this.#last - this.#start) % BLOCK
    if (at === 0) this.#blocks.push(this.#newBlock())
    const block = this.#blocks[this.#blocks.length - 1] as Block
    const only = changes.length === 1 ? (changes[0] as Change) : undefined
    block.authors[at] = author
    block.methods[at] = method
    block.times[at] = time
    block.identical[at] = identical
    block.weights[at] = 0
    const isBounded = this.#limitBytes !== Number.POSITIVE_INFINITY
    if (isBounded) this.#bytes += block.weights[at] = COMMIT + weightOfChanges(changes)
    if (only && only.key !== null && !only.undo) put(block, at, only.key, only.before, only.after)
    else put(block, at, changes.map(kept))
    while (this.#bytes > this.#limitBytes && this.first < this.#last) this.#drop()
  }

  /** Of a change with steps back, neither of the values is kept. */
  at(revision: number): Commit {
    const [block, at] = this.#place(revision)
    const found = block.changes[at] as string | readonly Change[]
    const [before, after] = [block.befores[at] as Slot, block.afters[at] as Slot]
    return {
      author: block.authors[at] as Author,
      method: block.methods[at] as string,
      time: block.times[at] as number,
      identical: block.identical[at] as boolean,
      changes: typeof found === 'string' ? [{ key: found, before, after, steps: null, undo: null }] : found,
    }
  }

  timeAt(revision: number): number {
    const [block, at] = this.#place(revision)
    return block.times[at] as number
  }

  #place(revision: number): [block: Block, at: number] {
    const index = revision - this.#start
    const at = index % BLOCK
    return [this.#blocks[(index - at) / BLOCK] as Block, at]
  }

  #newBlock(): Block {
    // A log that is short takes no more room than it needs; what grows by itself has some to spare.
    const block = this.#spare ?? new Block(this.#last === this.first ? 0 : BLOCK)
    this.#spare = undefined
    return block
  }

  #drop(): void {
    // It is in the first block: one that holds nothing more is gone.
    const at = this.first++ - this.#start
    const block = this.#blocks[0] as Block
    this.#bytes -= block.weights[at] as number
    put(block, at, NONE)
    if (at < BLOCK - 1) return
    this.#spare = this.#blocks.shift()
    this.#start += BLOCK
  }
}

const NONE: readonly Change[] = []

function put(
  block: Block,
  at: number,
  changes: string | readonly Change[],
  before?: Slot,
  after?: Slot,
): void {
  block.changes[at] = changes
  block.befores[at] = before
  block.afters[at] = after
}

const kept = (change: Change): Change =>
  change.key !== null && change.undo ? { ...change, before: ABSENT, after: ABSENT } : change

/** What leaves the state is kept in its encoded form alone. */
function weightOfChanges(changes: readonly Change[]): number {
  const [only] = changes
  if (changes.length === 1 && only && only.key !== null && !only.undo)
    return weightOfText(only.key) + weightOfSlot(only.before)
  let weight = LIST
  for (const change of changes) {
    weight += CHANGE
    if (change.key === null) weight += weightOfValues(change.before)
    else {
      weight += weightOfText(change.key)
      weight += change.undo ? weightOfSteps(change) : weightOfSlot(change.before)
    }
  }
  return weight
}

function weightOfValues(values: Values): number {
  let weight = VALUES
  for (const [key, value] of values) weight += ENTRY + weightOfText(key) + weightOfSlot(value)
  return weight
}

function weightOfSlot(value: Slot): number {
  if (value instanceof Packed) value.slim()
  return weightOfPart(value)
}

/** The value before was put by an earlier commit if it came encoded: that one keeps it in this form. */
function weightOfSteps({ before, steps, undo }: Extract<Change, { key: string }>): number {
  let encoded = 0
  if (before instanceof Packed && before.cameEncoded) encoded = weightOfSlot(before)
  return encoded + weightOfPart(steps) + weightOfPart(undo)
}

/** Of a value as the log holds it, or a list of steps. */
function weightOfPart(part: unknown): number {
  if (part instanceof Packed) return part.weight
  if (typeof part === 'string') return weightOfText(part)
  if (typeof part === 'number') return Number.isInteger(part) && Math.abs(part) < 2 ** 31 ? 0 : DOUBLE
  if (!Array.isArray(part)) return 0
  let weight = LIST
  for (const each of part) weight += 8 + weightOfPart(each)
  return weight
}
