import { Question } from '../async/question.ts'
import type { Vitals } from '../protocol/description.ts'
import { type Attempt, type Outcome, outcomeOf } from './attempt.ts'
import type { Pulse } from './pulse.ts'

/** A child that the system refused to start: `error` is its end. */
export class Unstarted implements Attempt {
  readonly pid = undefined
  readonly stdout = null
  readonly stderr = null
  readonly reached = undefined
  readonly ran = false
  readonly pulse: Pulse = new Question(() => {})
  readonly outcome: Promise<Outcome>
  onMessage: (message: unknown) => void = () => {}

  constructor(error: Error) {
    this.outcome = Promise.resolve(
      outcomeOf(undefined, false, { code: null, signal: null, error }, undefined),
    )
  }

  vitals(): Vitals {
    return { memory: null, eventLoop: null, silent: null }
  }

  give(): void {}
  end(): void {}
  kill(): void {}
  keepAlive(): void {}
  send(): boolean {
    return false
  }
}
