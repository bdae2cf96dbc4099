import { Packed } from '../../protocol/values.ts'
import { ABSENT, type Slot, slot } from '../../store/commit.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys } from './keys.ts'
import { type Known, markOf, markOfBytes, type Read, type Reads } from './reads.ts'
import { Replica, type Trial, wireOf } from './replica.ts'
import type { News, Reply } from './reply.ts'
import * as scripts from './scripts.ts'
import type { Touched } from './touched.ts'
import { changesOf, type Write } from './write.ts'

/** Bytes of memory that the keys which were used lately may take, about; at most as many again that were used before them. */
const YOUNG = 16 << 20
/** Batches without one of another process in between after which none is expected. */
const ALONE = 16
/** Bytes that one key takes besides itself and its value, about. */
const KEY = 200

/**
 * What this process has of the state of one namespace: the keys that its functions and methods have touched, and all of it once
 * one of them has read which keys there are. Any of it may be out of date: a commit says what was read for it, and the script
 * compares. Of what is known to be right at `head` it need not.
 */
export class Kept {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #name: string
  #young = new Map<string, Known>()
  #old = new Map<string, Known>()
  #weight = 0
  /** The id of a commit, after which all that has this epoch was right. */
  #head = ''
  #epoch = 0
  /** How many batches in a row followed on one of this process. */
  #alone = 0
  #replica: Replica | undefined

  constructor(connection: RedisConnection, keys: Keys, name: string) {
    this.#connection = connection
    this.#keys = keys
    this.#name = name
  }

  /** The whole state, if it is here. */
  get replica(): Replica | undefined {
    return this.#replica
  }

  /** undefined: it is not here, or likely to be out of date. */
  find(key: string): Known | undefined {
    const known = this.#look(key)
    if (known) return known.isShared && known.epoch !== this.#epoch ? undefined : known
    if (!this.#replica) return undefined
    const { space, head } = this.#replica
    const epoch = head === this.#head ? this.#epoch : -1
    return { slot: slot(space.values, key), mark: undefined, epoch, weight: 0, isShared: false }
  }

  /** The id at which all that was read is known to be right; '': there is none. */
  headOf(reads: Reads): string {
    for (const { known } of reads.all) if (known.epoch !== this.#epoch) return ''
    return this.#head
  }

  /** All that was read is known to be right unless others have begun to commit just now, which they have not done for a while. */
  isAlone(reads: Reads): boolean {
    return this.#alone >= ALONE && this.headOf(reads) !== ''
  }

  /** Reads keys that are not here. */
  async fetch(keys: Iterable<string>, call: string): Promise<void> {
    const asked = [...keys]
    const [head, chunks] = (await this.#connection.run(scripts.some, this.#keys.log, asked, call)) as [
      Buffer,
      (Buffer | null)[][],
    ]
    this.#moveTo(head.toString('latin1'))
    for (const [i, value] of chunks.flat().entries()) this.#learn(asked[i] as string, value)
  }

  /** The script found other values than were read. */
  correct(reads: Reads, { head, found }: Extract<Reply, { status: 'differs' }>): void {
    this.#moveTo(head)
    let i = 0
    for (const read of reads.all) {
      const value = found?.[i++]
      if (value === 1) this.#confirm(read)
      else if (value !== undefined) this.#learn(read.key, value)
      else this.#forget(read.key)
    }
  }

  /** Commits were made on what was read: the first came after `before`, the last one is `head`. */
  made(trial: Trial, touched: Touched, before: string, head: string): void {
    this.#moveTo(before)
    for (const read of touched.reads.all) this.#confirm(read)
    if (this.#replica?.head === before) this.#replica.accept(trial, head)
    this.#head = head
    if (trial.values !== touched) this.#forgetKeys()
    else touched.written((key, slot) => this.#put(key, slot))
    if (this.#weight > YOUNG) this.#age()
  }

  /** The same, of commits that nothing was read for. Keys that are not here are not needed now. */
  madeBlindly(writes: readonly Write[], before: string, head: string): void {
    if (this.#replica?.head === before) {
      for (const write of writes) write.run(this.#replica.space)
      this.#replica.head = head
    }
    this.#moveTo(head, this.#head === before)
    for (const { blind } of writes) {
      if (this.#young.size + this.#old.size === 0) return
      for (const change of blind ? changesOf(blind) : []) {
        if (change.key === null) this.#forgetKeys()
        else if (this.#young.has(change.key) || this.#old.has(change.key)) this.#put(change.key, change.after)
      }
    }
  }

  /** The same, of commits that were made on the whole state. */
  madeOnAll(replica: Replica, trial: Trial, head: string): void {
    replica.accept(trial, head)
    if (replica === this.#replica) this.#replace(replica)
  }

  /** The whole state. */
  async current(call: string): Promise<Replica> {
    if (this.#replica) return this.#replica
    const state = await this.#connection.run(scripts.state, this.#keys.log, [''], call)
    const replica = new Replica(this.#name, ...(state as [Buffer, Buffer[], Buffer[][]]))
    this.#replace(replica)
    return replica
  }

  follow([head, entries, keys, values]: News): void {
    if (keys && values) return this.#replace(new Replica(this.#name, head, keys, values))
    const followed = entries && this.#replica?.follow(entries) ? this.#replica : undefined
    this.#replace(followed)
  }

  /** Nothing of it is known to be right. */
  drop(): void {
    this.#replace(undefined)
  }

  #replace(replica: Replica | undefined): void {
    this.#replica = replica
    this.#forgetKeys()
    this.#head = replica?.head ?? ''
    this.#epoch++
  }

  #forget(key: string): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }

  #forgetKeys(): void {
    this.#young = new Map()
    this.#old = new Map()
    this.#weight = 0
  }

  /** The log has moved on to this id: what is kept may be out of date, unless all that came between was made here. */
  #moveTo(head: string, isOwn = head === this.#head): void {
    if (!isOwn) this.#epoch++
    this.#alone = isOwn ? this.#alone + 1 : 0
    this.#head = head
  }

  #confirm({ key, known, isValue }: Read): void {
    if (!isValue && known.slot !== ABSENT) return
    known.epoch = this.#epoch
    if (!this.#young.has(key) && this.#replica?.head !== this.#head) this.#add(key, known)
  }

  #learn(key: string, value: Buffer | null): void {
    const before = this.#look(key)
    const slot = value === null ? ABSENT : wireOf(value, key)
    const mark = markOfBytes(value)
    const isShared = before !== undefined && markOf(before) !== mark
    this.#add(key, { slot, mark, epoch: this.#epoch, weight: 0, isShared })
  }

  #put(key: string, slot: Slot): void {
    const isShared = this.#look(key)?.isShared === true
    this.#add(key, { slot, mark: undefined, epoch: this.#epoch, weight: 0, isShared })
  }

  #look(key: string): Known | undefined {
    const young = this.#young.get(key)
    if (young) return young
    const old = this.#old.get(key)
    if (!old) return undefined
    this.#old.delete(key)
    this.#add(key, old)
    return old
  }

  #add(key: string, known: Known): void {
    known.weight = KEY + 2 * key.length + weightOf(known.slot)
    this.#weight += known.weight - (this.#young.get(key)?.weight ?? 0)
    this.#young.set(key, known)
  }

  /** What was used before the last ones is forgotten. Not within a round: it needs what was fetched for it. */
  #age(): void {
    this.#old = this.#young
    this.#young = new Map()
    this.#weight = 0
  }
}

function weightOf(slot: Slot): number {
  if (slot instanceof Packed) return slot.weight
  return typeof slot === 'string' ? 2 * slot.length : 8
}
