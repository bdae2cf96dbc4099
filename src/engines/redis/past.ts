import { ConnectionError } from '../../errors.ts'
import { encode } from '../../protocol/frames.ts'
import { type LogPage, orOldestKept } from '../../protocol/messages.ts'
import { notKept } from '../../store/not-kept.ts'
import type { RedisConnection } from './connection.ts'
import { CHUNK, chunkOf, keptHere } from './feeds.ts'
import type { Keys } from './keys.ts'
import { idBefore, idOf, Replica, revisionOf, type StreamEntry } from './replica.ts'
import * as scripts from './scripts.ts'

type Begun = [id: Buffer | null, keys: Buffer[] | number, chunks: Buffer[][], entries: StreamEntry[]]
type Since = [id: Buffer | null, entries: StreamEntry[] | number]

// What bounds the log.
const SETTINGS = 'historyLimit of the address'

// No commits.
const NONE = encode([])

/** What is asked of a namespace's log in Redis besides reading on: from the stream and its checkpoints. */
export class Past {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #name: string

  constructor(connection: RedisConnection, keys: Keys, name: string) {
    this.#connection = connection
    this.#keys = keys
    this.#name = name
  }

  /** See Ask.page. */
  async page(call: string, first: number, last: number, wantsState: boolean): Promise<LogPage> {
    const state = wantsState || first === 0 ? await this.#stateBefore(call, first) : undefined
    const from = first === 0 && state ? state.space.revision + 1 : first
    if (state && state.space.revision + 1 < first) return [first, null, NONE, state.space.revision]
    const entries = state && wantsState ? encode([...state.space.values]) : null
    if (last < from && first !== 0) return [from, entries, NONE, from - 1]
    const [id, found] = await this.#run<Since>(call, scripts.since, from - 1, CHUNK)
    if (!id) throw notKept(from, Number(found), SETTINGS)
    const commits = (found as StreamEntry[]).filter(entry => revisionOf(idOf(entry)) <= last)
    if (state && commits[0] && idBefore(commits[0]) !== state.head)
      throw new ConnectionError(`${call}: the log of namespace '${this.#name}' is another one now`)
    return [from, entries, chunkOf(commits), revisionOf(id.toString('latin1'))]
  }

  /** See Ask.when. An entry's id says when it was made: `<revision>-<microseconds>`. */
  async when(call: string, time: number): Promise<number> {
    const [, , , newest] = await this.page(call, 0, 0, false)
    let low = (await this.#stateBefore(call, 0)).space.revision
    const oldest = low + 1
    let high = newest
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      const [id, found] = await this.#run<Since>(call, scripts.since, middle - 1, 1)
      if (!id) throw notKept(middle, Number(found), SETTINGS)
      const [entry] = found as StreamEntry[]
      if (entry && Math.floor(Number(idOf(entry).split('-')[1]) / 1000) <= time) low = middle
      else high = middle - 1
    }
    if (low < oldest && low > 0) throw notKept(1, oldest, SETTINGS)
    return low
  }

  async #stateBefore(call: string, first: number): Promise<Replica> {
    const from = first === 0 ? orOldestKept(0) : first - 1
    const [id, keys, chunks, entries] = await this.#run<Begun>(call, scripts.begin, from)
    if (!id) throw notKept(first, Number(keys), SETTINGS)
    const [next] = entries
    const replica = new Replica(this.#name, next ? Buffer.from(idBefore(next)) : id, keys as Buffer[], chunks)
    replica.follow(entries)
    return replica
  }

  async #run<T>(call: string, script: scripts.Script, ...args: number[]): Promise<T> {
    const [from, ...more] = args
    const limit = keptHere(this.#connection, this.#name)
    return (await this.#connection.run(script, this.#keys.log, [from as number, limit, ...more], call)) as T
  }
}
