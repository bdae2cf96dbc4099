import type { Disk, OpenFile } from '../../src/storage/disk.ts'
import type { Random } from '../history/random.ts'

const SECTOR = 512

interface Inode {
  durable: Buffer
  now: Buffer
  /** Not synced, oldest first. */
  writes: { at: number; bytes: Buffer }[]
}

type NameChange = { kind: 'create'; name: string; inode: Inode } | { kind: 'remove'; name: string } | Rename
interface Rename {
  kind: 'rename'
  from: string
  to: string
}

/**
 * A disk in memory that can lose power before any of its operations: of what was not synced then any sectors of any prefix
 * of each write are kept, and any of the changes of names.
 */
export class SimulatedDisk implements Disk {
  readonly path = 'simulated'
  /** Operations that are still carried out; the ones after those never end, as on a machine without power. */
  operations: number
  /** Bytes that all files may have together. */
  capacity = Number.POSITIVE_INFINITY
  /** The next sync fails, and what it was to make durable may be lost all the same. */
  failSync = false
  #names: Map<string, Inode>
  #durable: Map<string, Inode>
  #changes: NameChange[] = []

  constructor(names = new Map<string, Inode>(), operations = Number.POSITIVE_INFINITY) {
    this.#names = names
    this.#durable = new Map(names)
    this.operations = operations
  }

  get isOff(): boolean {
    return this.operations < 0
  }

  /** What is on the disk once it has power again. */
  afterPowerCut(random: Random, operations = Number.POSITIVE_INFINITY): SimulatedDisk {
    const kept = random.pick([0, 0.1, 0.5, 0.9, 1])
    const names = new Map(this.#durable)
    for (const change of this.#changes) if (random.chance(kept)) applyChange(names, change)
    const inodes = new Map<Inode, Inode>()
    for (const [name, inode] of names) {
      if (!inodes.has(inode)) inodes.set(inode, cut(inode, random, kept))
      names.set(name, inodes.get(inode) as Inode)
    }
    return new SimulatedDisk(names, operations)
  }

  /** What another process finds when the one that used the disk was killed: all that was written, synced or not. */
  afterKill(): SimulatedDisk {
    const disk = new SimulatedDisk(this.#names)
    disk.#durable = this.#durable
    disk.#changes = this.#changes
    return disk
  }

  /** The content of a file, for damaging it. */
  content(name: string): Buffer {
    return (this.#names.get(name) as Inode).now
  }

  /** The same files, to be damaged without changing these. */
  copy(): SimulatedDisk {
    const names = [...this.#names].map(([name, { now }]): [string, Inode] => [
      name,
      inodeOf(Buffer.from(now)),
    ])
    return new SimulatedDisk(new Map(names))
  }

  drop(name: string): void {
    this.#names.delete(name)
    this.#durable.delete(name)
  }

  truncate(name: string, length: number): void {
    const inode = inodeOf(Buffer.from(this.content(name).subarray(0, length)))
    this.#names.set(name, inode)
    this.#durable.set(name, inode)
  }

  async list(): Promise<string[]> {
    await this.#operation()
    return [...this.#names.keys()]
  }

  async read(name: string, at = 0, length = Number.POSITIVE_INFINITY): Promise<Buffer> {
    await this.#operation()
    const inode = this.#names.get(name)
    if (!inode) throw Object.assign(new Error(`ENOENT: ${name}`), { code: 'ENOENT' })
    return Buffer.from(inode.now.subarray(at, at + length))
  }

  async open(name: string): Promise<OpenFile> {
    await this.#operation()
    let inode = this.#names.get(name)
    if (!inode) {
      inode = inodeOf(Buffer.alloc(0))
      this.#change({ kind: 'create', name, inode })
    }
    return this.#file(inode)
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#operation()
    this.#change({ kind: 'rename', from, to })
  }

  async remove(name: string): Promise<void> {
    await this.#operation()
    if (this.#names.has(name)) this.#change({ kind: 'remove', name })
  }

  async sync(): Promise<void> {
    await this.#operation()
    this.#durable = new Map(this.#names)
    this.#changes = []
  }

  #file(inode: Inode): OpenFile {
    const write = async (bytes: Uint8Array, at: number) => {
      // The power may go while it is written.
      inode.writes.push({ at, bytes: Buffer.from(bytes) })
      await this.#operation()
      this.#checkSpace(Math.max(0, at + bytes.length - inode.now.length))
      inode.now = written(inode.now, at, bytes)
    }
    const mayFail = async () => {
      await this.#operation()
      if (!this.failSync) return
      this.failSync = false
      throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })
    }
    return {
      write,
      // Nothing is durable that was written before, and not synced.
      writeDurably: async (bytes, at) => {
        await write(bytes, at)
        await mayFail()
        inode.durable = written(inode.durable, at, bytes)
        inode.writes = inode.writes.filter(other => !covers(at, bytes, other))
      },
      sync: async () => {
        await mayFail()
        inode.durable = inode.now
        inode.writes = []
      },
      close: () => this.#operation(),
    }
  }

  #change(change: NameChange): void {
    this.#changes.push(change)
    applyChange(this.#names, change)
  }

  #checkSpace(more: number): void {
    let used = more
    for (const { now } of this.#names.values()) used += now.length
    if (more > 0 && used > this.capacity)
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  }

  async #operation(): Promise<void> {
    if (this.operations-- <= 0) await new Promise(() => {})
    await null
  }
}

const covers = (at: number, bytes: Uint8Array, other: { at: number; bytes: Buffer }): boolean =>
  other.at >= at && other.at + other.bytes.length <= at + bytes.length

const inodeOf = (content: Buffer): Inode => ({ durable: content, now: content, writes: [] })

function applyChange(names: Map<string, Inode>, change: NameChange): void {
  if (change.kind === 'create') names.set(change.name, change.inode)
  else if (change.kind === 'remove') names.delete(change.name)
  else {
    const inode = names.get(change.from)
    if (!inode) return
    names.delete(change.from)
    names.set(change.to, inode)
  }
}

function cut({ durable, writes }: Inode, random: Random, kept: number): Inode {
  let content = durable
  for (const { at, bytes } of writes) {
    const length = random.chance(0.5) ? bytes.length : random.below(bytes.length + 1)
    for (let from = 0; from < length; ) {
      const to = Math.min(length, from + SECTOR - ((at + from) % SECTOR))
      if (random.chance(kept)) content = written(content, at + from, bytes.subarray(from, to))
      from = to
    }
  }
  return inodeOf(content)
}

function written(content: Buffer, at: number, bytes: Uint8Array): Buffer {
  const next = Buffer.alloc(Math.max(content.length, at + bytes.length))
  next.set(content)
  next.set(bytes, at)
  return next
}
