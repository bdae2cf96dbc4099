import { after, cancel, type Timer } from '../async/interval.ts'

// Milliseconds that an answer is delayed at most. A timer that is due within a few milliseconds is what costs: the system then
// sets its clock each time that the server waits for its sockets.
const LONGEST = 50
// So many times in a row the update has come before the next request; and so many more after one that did not come in time.
const TIMES = 3
const PENALTY = 100

/**
 * Whether the answers to a client are delayed until the update that it awaits, to leave in one frame with that. Of two processes
 * that wake each other, each is then woken once for the answer to its write and for the update by the other. This is done where
 * the client has said that it awaits an update (Ask.awaiting) and has received all that was sent, and where the last updates came
 * before it asked anything more.
 */
export class AnswerDelay {
  readonly #sendNow: () => void
  #isAwaiting = false
  #isDelaying = false
  #inTime = 0
  #timer: Timer | undefined

  /** `sendNow` is called when no update has come in time. */
  constructor(sendNow: () => void) {
    this.#sendNow = sendNow
  }

  /** A frame with requests has arrived. */
  requested(): void {
    if (this.#isAwaiting) this.#inTime = Math.min(this.#inTime, 0)
    this.#isAwaiting = this.#isDelaying = false
  }

  /** The client awaits an update since these requests. */
  awaiting(): void {
    this.#isAwaiting = true
  }

  /** An update by another session is sent, and with it all that was delayed. */
  updated(): void {
    if (this.#isAwaiting) this.#inTime++
    this.#isAwaiting = this.#isDelaying = false
  }

  /** Whether the answers to the newest requests are delayed; if so, from now on. */
  begin(): boolean {
    if (!this.#isAwaiting || this.#inTime < TIMES) return false
    this.#isDelaying = true
    if (this.#timer) this.#timer.refresh()
    else this.#timer = after(LONGEST, this.#late)?.unref()
    return true
  }

  end(): void {
    cancel(this.#timer)
  }

  readonly #late = (): void => {
    if (!this.#isDelaying) return
    this.#isAwaiting = this.#isDelaying = false
    this.#inTime = -PENALTY
    this.#sendNow()
  }
}
