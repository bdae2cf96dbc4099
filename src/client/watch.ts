import { onInterrupt, takeInterrupt } from '../async/interrupt.ts'
import { after, checkTime } from '../async/interval.ts'
import { TimeoutError } from '../errors.ts'
import { checkOptions } from '../protocol/options.ts'
import { describe } from '../protocol/values.ts'
import type { Matcher } from './condition.ts'
import type { Link } from './link.ts'
import { Reader, type Update, type Waiter } from './reader.ts'
import type { WatchOptions } from './types.ts'

/** What the pending step of a loop gets when the loop is over. */
const ENDED = Symbol('ended')

/** Makes what a watcher hands out, of the reader and the update that it stands at. */
type Result<T> = (reader: Reader, update: Update | undefined) => T

/** The watching half of a State: one position on the log, and the readers that move on from it. */
export class Watcher {
  readonly #link: Link
  /** The newest revision that this State was handed, or started at. */
  #position: number | undefined

  get position(): number | undefined {
    return this.#position
  }

  /** The newest revision that it was handed by any watcher, a live one included. */
  #seen = 0
  // The reader that stands ready for the next call; a loop borrows it.
  #idle: Reader | undefined
  #idleLive: Reader | undefined
  readonly #buffered = new Set<Reader>()
  readonly #live = new Set<Reader>()

  constructor(link: Link) {
    this.#link = link
    // Who waits is told by the readers.
    link.onOtherLog = () => {
      this.#position = undefined
      this.#seen = 0
      this.#idle = this.#idleLive = undefined
      this.#buffered.clear()
      this.#live.clear()
    }
  }

  once<T>(matcher: Matcher, options: WatchOptions, call: string, make: Result<T>): Promise<T> {
    try {
      checkWatchOptions(options, call)
      this.#link.check()
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#wait(options, call, (begin, settle) => {
      const reader = options.live ? this.#liveReader() : this.#bufferedReader()
      begin(reader, this.#waiter(matcher, options, true, make, settle), () => {
        if (options.live) this.#keepLive(reader)
      })
    })
  }

  /** The same as an async iterator, with a reader of its own from the State's position on. */
  iterate<T>(
    matcher: Matcher,
    options: WatchOptions,
    call: string,
    make: Result<T>,
  ): AsyncIterableIterator<T> {
    checkWatchOptions(options, call)
    this.#link.check()
    let reader: Reader | undefined
    let first = true
    let done = false
    let chain: Promise<unknown> = Promise.resolve()
    let endStep = () => {}
    const end = (): IteratorResult<T> => ({ done: true, value: undefined })
    const step = (): Promise<IteratorResult<T>> => {
      if (done) return Promise.resolve(end())
      return this.#wait<T | typeof ENDED>(options, call, (begin, settle) => {
        endStep = () => settle(undefined, ENDED)
        if (done) return endStep()
        if (!reader) reader = options.live ? this.#liveReader() : this.#borrow()
        else if (options.live) reader.seek()
        const initial = first
        first = false
        begin(reader, this.#waiter(matcher, options, initial, make, settle, true), () => {})
      }).then(
        value => (value === ENDED ? end() : { done: false, value }),
        error => {
          finish()
          throw error
        },
      )
    }
    const finish = () => {
      if (done) return
      done = true
      endStep()
      if (reader && options.live) this.#keepLive(reader)
      else if (reader) this.#giveBack(reader)
    }
    const iterator: AsyncIterableIterator<T> = {
      // Calls that are made before the one before has its answer take their turns.
      next: () => {
        const next = chain.then(step)
        chain = next.catch(() => {})
        return next
      },
      return: async () => {
        finish()
        return end()
      },
      [Symbol.asyncIterator]: () => iterator,
    }
    return iterator
  }

  /** Drops what is waiting: buffered watching goes on from now. */
  goLive(): void {
    this.#link.check()
    this.#forgetEnded()
    for (const reader of this.#buffered) reader.seek()
    // Loops have the others: the next one-shot watcher starts from now as well.
    this.#idle ??= this.#reader(-1)
  }

  #waiter<T>(
    matcher: Matcher,
    options: WatchOptions,
    initial: boolean,
    make: Result<T>,
    settle: (error: unknown, value?: T) => void,
    othersOnly = matcher.holds === undefined,
  ): Waiter {
    const { connection, state } = this.#link
    // A condition is tested on the state as it was last seen, and not on what a live watcher has seen pass since.
    const from = options.live || !matcher.holds ? 0 : this.#seen
    const conditionAt = (reader: Reader) =>
      initial && matcher.holds !== undefined && reader.position >= from && matcher.holds(reader)
    const attempt = (reader: Reader, update: Update | undefined, decide: () => boolean): boolean => {
      try {
        if (!decide()) return false
        this.#seen = Math.max(this.#seen, reader.position)
        if (!options.live) this.#position = Math.max(this.#position ?? 0, reader.position)
        settle(undefined, make(reader, update))
      } catch (error) {
        settle(error)
      }
      return true
    }
    return {
      wantsBefore: matcher.wantsBefore === true,
      begin: reader => attempt(reader, undefined, () => conditionAt(reader)),
      offer: (reader, update) => {
        if (from > 0 && reader.position <= from)
          return reader.position === from && attempt(reader, undefined, () => conditionAt(reader))
        const { commit } = update
        if (othersOnly && commit[0] === connection.session && commit[1] === state) return false
        if (update.identical && !options.duplicateOkay) return false
        return attempt(reader, update, () => matcher.matches(reader, update))
      },
      fail: error => {
        if (!options.live) this.#forgetEnded()
        settle(error)
      },
    }
  }

  /** Waits in one place for all that can end a wait: the update, an error, the timeout, the signal. */
  #wait<T>(
    { timeout, signal }: WatchOptions,
    call: string,
    start: (
      begin: (reader: Reader, waiter: Waiter, ended: () => void) => void,
      settle: (error: unknown, value?: T) => void,
    ) => void,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let leave = () => {}
      let settled = false
      const release = this.#link.connection.keepAwaited()
      const settle = (error: unknown, value?: T) => {
        if (settled) return
        settled = true
        clearTimeout(timer)
        signal?.removeEventListener('abort', aborted)
        callOff()
        release()
        if (error === undefined) resolve(value as T)
        else reject(error)
        leave()
      }
      const callOff = onInterrupt(error => {
        settle(error)
        return true
      })
      const aborted = () => settle(signal?.reason ?? new Error('aborted'))
      const timer = after(timeout, () =>
        settle(new TimeoutError(`${call}: nothing came within ${timeout} ms`)),
      )
      if (signal?.aborted) return aborted()
      const interrupted = takeInterrupt()
      if (interrupted) return settle(interrupted)
      signal?.addEventListener('abort', aborted, { once: true })
      const begin = (reader: Reader, waiter: Waiter, ended: () => void) => {
        leave = () => {
          reader.leave(waiter)
          ended()
        }
        reader.wait(waiter)
        if (settled) leave()
      }
      if (this.#position !== undefined) start(begin, settle)
      else
        this.#link.start.then(
          revision => {
            this.#position ??= revision
            if (!settled) start(begin, settle)
          },
          error => settle(error),
        )
    })
  }

  #reader(from: number): Reader {
    const reader = new Reader(this.#link, from)
    this.#buffered.add(reader)
    return reader
  }

  #bufferedReader(): Reader {
    this.#forgetEnded()
    if (!this.#idle) this.#idle = this.#reader(this.#position as number)
    else if (this.#idle.open) this.#idle.skipTo(this.#position as number)
    return this.#idle
  }

  #borrow(): Reader {
    const idle = this.#bufferedReader()
    if (idle.busy) return this.#reader(this.#position as number)
    this.#idle = undefined
    return idle
  }

  #giveBack(reader: Reader): void {
    this.#forgetEnded()
    if (!reader.error && !this.#idle) this.#idle = reader
    else {
      reader.close()
      this.#buffered.delete(reader)
    }
  }

  // A reader that fell behind has gone to the end of the gap: the State goes on from there.
  #forgetEnded(): void {
    for (const reader of this.#buffered) {
      if (!reader.error) continue
      this.#buffered.delete(reader)
      if (this.#idle === reader) this.#idle = undefined
      this.#position = Math.max(this.#position ?? 0, reader.resumeAt ?? reader.position)
    }
  }

  #liveReader(): Reader {
    const reader = this.#idleLive
    this.#idleLive = undefined
    if (reader && !reader.error) {
      reader.seek()
      return reader
    }
    const fresh = new Reader(this.#link, -1)
    this.#live.add(fresh)
    return fresh
  }

  #keepLive(reader: Reader): void {
    if (!reader.error && !this.#idleLive) {
      this.#idleLive = reader
      return
    }
    reader.close()
    this.#live.delete(reader)
  }

  close(error: Error): void {
    for (const reader of [...this.#buffered, ...this.#live]) {
      reader.close()
      reader.lost(error)
    }
  }
}

export function checkWatchOptions(options: WatchOptions, call: string): void {
  checkOptions(options, call)
  checkTime(options.timeout, call, 'timeout')
  for (const name of ['live', 'duplicateOkay'] as const)
    if (options[name] !== undefined && typeof options[name] !== 'boolean')
      throw new TypeError(`${call}: ${name} must be true or false, got ${describe(options[name])}`)
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal))
    throw new TypeError(`${call}: signal must be an AbortSignal, got ${describe(options.signal)}`)
}
