import type { RedisConnection } from './connection.ts'

/** What does not change the state. `once`: it does something besides, and cannot be asked for again. */
export interface Reading {
  kind: 'read'
  once: boolean
  /** Asks Redis, and takes what comes of it if it counts. */
  read(counts: Counts): Promise<void>
}

/** Whether what Redis answered, or that it failed, is the reading's result. */
export type Counts = (failed: boolean) => Promise<boolean>

/**
 * The readings of one lane that are not answered. What is lost with a connection, or meets a Redis that is not ready, is asked
 * for again, and comes behind what was sent after it: so nothing is written before they are answered, and of readings those
 * that were sent after it are asked for again too.
 */
export class Readings {
  readonly #connection: RedisConnection
  #asked = 0
  #allAnswered = () => {}
  #latest: Promise<void> | undefined

  constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  /** `sent`: whether the write counts that it was sent along with; if not, somebody else asks for it again. */
  ask(reading: Reading, sent?: Promise<boolean>): void {
    const { repeated } = this.#connection
    const before = this.#latest
    const counts = async (failed: boolean) => {
      if (sent && !(await sent)) return false
      if (failed || reading.once || this.#connection.repeated === repeated) return true
      await before
      this.ask(reading)
      return false
    }
    this.#asked++
    this.#latest = reading.read(counts).then(() => {
      if (--this.#asked === 0) this.#allAnswered()
    })
  }

  async answered(): Promise<void> {
    if (this.#asked > 0) await new Promise<void>(resolve => (this.#allAnswered = resolve))
  }
}
