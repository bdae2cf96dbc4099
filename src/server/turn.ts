import { soon } from '../async/interval.ts'
import type { Feeds } from './feed.ts'

// How many commits in a row are handed out as soon as the session that made them has been heard, if it was the only one in its
// turn: first, and at most, where it was the only one each time that this was looked at.
const FIRST_ALONE = 4
const MOST_ALONE = 256
// Then a turn has begun of which it is not known how many sessions it has: the next one tells.
const BEGUN = -1

/** A session, as far as the end of a turn is concerned. */
export interface Sender {
  /** Sends the updates of this turn. */
  sendUpdates(): void
  /** Sends answers. `hasUpdates`: there are updates of this turn for sessions. */
  sendAnswers(hasUpdates: boolean): void
}

/**
 * What a server hands out: commits to the sessions that read them, and answers. What is committed in one turn of the event loop leaves
 * together.
 */
export class Turn {
  // The sessions that have updates to send at the end of this turn, and those that have answers.
  #updated: Sender[] = []
  #answered: Sender[] = []
  #dirty = new Set<Feeds>()
  // Whether something is to be handed out; whether that is done at the end of this turn of the event loop; see `heard`.
  #scheduled = false
  #isTurn = false
  #isHearing = false
  #alone = 0
  #nextAlone = FIRST_ALONE

  /** Hands this turn's commits to the sessions that read them, before anything else leaves. */
  readonly distribute = (): void => {
    const dirty = this.#dirty
    // Each channel asks for it before it sends: mostly all has been handed out.
    if (dirty.size === 0 && this.#updated.length === 0 && this.#answered.length === 0) {
      this.#scheduled = false
      return
    }
    if (dirty.size > 0) this.#dirty = new Set()
    // What this adds is sent below: it needs no turn of its own.
    this.#scheduled = true
    for (const feeds of dirty) feeds.distribute()
    this.#scheduled = false
    const updated = this.#updated
    const answered = this.#answered
    this.#updated = []
    this.#answered = []
    // The answer first: who wrote goes on while those who watch are sent what it wrote, however many they are.
    for (const session of answered) session.sendAnswers(updated.length > 0)
    for (const session of updated) session.sendUpdates()
  }

  /** The namespace of these feeds has commits that were not handed out. */
  addFeeds(feeds: Feeds): void {
    this.#dirty.add(feeds)
    this.#schedule()
  }

  /** This session has updates to send; it is named once in a turn. */
  addUpdates(session: Sender): void {
    this.#updated.push(session)
    this.#schedule()
  }

  /** A session's requests are being carried out: `heard` follows. */
  hears(): void {
    this.#isHearing = true
  }

  /**
   * All that a session has sent at once is carried out. Its answers leave with what is handed out in this turn, or at once if
   * nothing is. What several sessions commit in one turn is handed out together, at its end; where one session commits alone, to
   * wait for that end would cost more than the rest, so every few commits it is seen whether it still does.
   */
  heard(session: Sender, hasAnswers: boolean): void {
    this.#isHearing = false
    if (!this.#scheduled) {
      if (hasAnswers) session.sendAnswers(false)
      return
    }
    if (hasAnswers) this.#answered.push(session)
    if (this.#isTurn) return
    if (--this.#alone === 0) this.#alone = BEGUN
    this.distribute()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    if (this.#isTurn || (this.#isHearing && this.#alone > 0)) return
    this.#isTurn = true
    soon(this.#endTurn)
  }

  readonly #endTurn = (): void => {
    this.#isTurn = false
    const isKnown = this.#alone !== BEGUN
    this.#alone = 0
    if (isKnown && this.#answered.length === 1) {
      this.#alone = this.#nextAlone
      this.#nextAlone = Math.min(2 * this.#nextAlone, MOST_ALONE)
    } else if (isKnown) this.#nextAlone = FIRST_ALONE
    this.distribute()
  }
}
