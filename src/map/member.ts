import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { cancel, every, microtask } from '../async/interval.ts'
import { State } from '../client/state.ts'
import { ValueTooLargeError } from '../errors.ts'
import { decode, encode } from '../protocol/frames.ts'
import { Packed } from '../protocol/values.ts'
import { poolNamespace } from '../store/mail.ts'
import { follow } from './follow.ts'
import type { Letter } from './messages.ts'

// Milliseconds from one beat to the next, and how many of its own a member hears none of another's before it takes that
// one for gone. Who sleeps does not count, so it blames nobody for its own sleep.
const BEAT = 1000
const PATIENCE = { workers: 5, maps: 30 }
// Beats after which an inbox is written to, so that Redis keeps it though nobody else writes.
const STIR = 600
// Letters for one inbox go together, up to about so many bytes.
const BUNDLE = 1 << 20
/** What members say to each other; others' letters are not understood. */
export const FORMAT = 1

/** Where a pool is. */
export interface Place {
  address: string
  namespace: string
  secretKey: string | undefined
  connectTimeout?: number | undefined
  /** The server is being started. */
  ready?: Promise<unknown> | undefined
}

/** How a member presents itself. */
export interface Card {
  format: number
  /** Whether it has workers, or work for them. */
  role: 'workers' | 'maps'
  workers: number[]
  host: string
  pid: number
}

export interface MemberEvents {
  /** In the order in which they were sent. */
  letters(from: string, letters: Letter[]): void
  /** Another one presents itself, for the first time or again. */
  present?(id: string, card: Card): void
  /** `vanished`: it did not say so itself. */
  gone(id: string, vanished: boolean): void
  /** Letters to this one were lost. */
  missed(): void
  /** These are larger than the server takes. */
  refused(to: string, letters: Letter[], error: Error): void
  /** It is of no use any more. */
  failed(error: Error): void
}

/**
 * One who takes part in a pool across machines. All of it is logs: the members are keys in a namespace of the pool's, each
 * with a beat; and each has another namespace as its inbox, where a commit is a letter, and the key is who sent it.
 */
export class Member {
  readonly id = randomBytes(9).toString('base64url')
  readonly #place: Place
  readonly #events: MemberEvents
  readonly #hall: State<Record<string, unknown>>
  readonly #inbox: State<Record<string, unknown>>
  readonly #card: Card
  /** How often it has been heard to beat itself when it last heard of another. */
  readonly #others = new Map<string, { role: Card['role']; heard: number }>()
  readonly #post = new Map<string, Outbox>()
  #unfollow: (() => void)[] = []
  #beats = 0
  #beating = false
  #timer: NodeJS.Timeout | undefined
  #over = false

  /** Resolves when the others can see it. */
  static async join(place: Place, role: Card['role'], events: MemberEvents): Promise<Member> {
    const member = new Member(place, role, events)
    try {
      await member.#enter()
      return member
    } catch (error) {
      await member.leave()
      throw error
    }
  }

  private constructor(place: Place, role: Card['role'], events: MemberEvents) {
    this.#place = place
    this.#events = events
    this.#card = { format: FORMAT, role, workers: [], host: hostname(), pid: process.pid }
    this.#hall = this.#state()
    this.#inbox = this.#state(this.id)
  }

  /** The workers that can be had here. */
  show(workers: number[]): void {
    this.#card.workers = workers
    if (this.#timer) void this.#present()
  }

  send(to: string, letter: Letter): void {
    if (this.#over || !this.#others.has(to)) return
    let outbox = this.#post.get(to)
    if (!outbox) {
      outbox = new Outbox(this.id, this.#state(to), (letters, error) => {
        if (error instanceof ValueTooLargeError) this.#events.refused(to, letters, error)
        else this.#fail(error)
      })
      this.#post.set(to, outbox)
    }
    outbox.send(letter)
  }

  /** The others hear of it. What was sent before is sent. */
  async leave(): Promise<void> {
    const wasIn = this.#timer !== undefined && !this.#over
    this.#end()
    // The State ends when this is answered.
    if (wasIn) this.#hall.delete(this.id).catch(() => {})
    const outboxes = [...this.#post.values()].map(outbox => outbox.close())
    await Promise.all([...outboxes, this.#hall.close(), this.#inbox.close()])
  }

  async #enter(): Promise<void> {
    const { missed } = this.#events
    const lost = (error: Error) => this.#fail(error)
    const letters = (from: string, bytes: unknown) => {
      if (from === this.id) return
      if (!this.#others.has(from)) this.#others.set(from, { role: 'maps', heard: this.#beats })
      this.#events.letters(from, decode(bytes as Uint8Array) as Letter[])
    }
    this.#unfollow.push(await follow(this.#inbox, { written: letters, missed, lost }))
    const hall = {
      written: (id: string, card: unknown) => this.#sees(id, card as Card),
      taken: (id: string) => this.#misses(id, false),
      missed: () => {},
      lost,
    }
    this.#unfollow.push(await follow(this.#hall, hall))
    await this.#present()
    if (this.#over) return
    this.#timer = every(BEAT, () => void this.#beat())
    this.#timer.unref()
  }

  #state(inbox?: string): State<Record<string, unknown>> {
    const { address, namespace, secretKey, connectTimeout, ready } = this.#place
    const options = { namespace: poolNamespace(namespace, inbox), secretKey, connectTimeout }
    return new State(address, options, { name: 'pool', ready })
  }

  #sees(id: string, card: Card): void {
    if (id === this.id) return
    this.#others.set(id, { role: card.role, heard: this.#beats })
    this.#events.present?.(id, card)
  }

  #misses(id: string, vanished: boolean): void {
    if (!this.#others.has(id)) return
    // One that was only asleep is told what it missed.
    this.#events.gone(id, vanished)
    this.#others.delete(id)
    void this.#post.get(id)?.close()
    this.#post.delete(id)
  }

  #present(): Promise<void> {
    return this.#hall.set(this.id, { ...this.#card, beat: this.#beats })
  }

  async #beat(): Promise<void> {
    if (this.#beating) return
    this.#beating = true
    try {
      await this.#present()
      this.#beats++
      if (this.#beats % STIR === 0) await this.#inbox.set(this.id, null)
      for (const [id, { role, heard }] of this.#others) {
        if (this.#beats - heard <= PATIENCE[role]) continue
        this.#misses(id, true)
        await this.#hall.delete(id)
      }
    } catch (error) {
      this.#fail(error as Error)
    }
    this.#beating = false
  }

  #fail(error: Error): void {
    if (this.#over) return
    this.#end()
    this.#events.failed(error)
  }

  #end(): void {
    this.#over = true
    cancel(this.#timer)
    for (const end of this.#unfollow) end()
    this.#unfollow = []
  }
}

/** What is to leave for one inbox: letters of one turn share a commit. */
class Outbox {
  readonly #state: State<Record<string, unknown>>
  readonly #sender: string
  readonly #failed: (letters: Letter[], error: Error) => void
  #letters: Letter[] = []
  #bytes = 0

  constructor(
    sender: string,
    state: State<Record<string, unknown>>,
    failed: (letters: Letter[], error: Error) => void,
  ) {
    this.#sender = sender
    this.#state = state
    this.#failed = failed
  }

  send(letter: Letter): void {
    if (this.#letters.length === 0) microtask(() => this.#leave())
    this.#letters.push(letter)
    for (const part of letter[1])
      if (part instanceof Packed) this.#bytes += part.bytes.length
      else if (part instanceof Uint8Array) this.#bytes += part.length
    if (this.#bytes > BUNDLE) this.#leave()
  }

  close(): Promise<void> {
    this.#leave()
    return this.#state.close()
  }

  #leave(): void {
    const letters = this.#letters
    if (letters.length === 0) return
    this.#letters = []
    this.#bytes = 0
    this.#state.set(this.#sender, encode(letters)).catch(error => this.#failed(letters, error as Error))
  }
}
