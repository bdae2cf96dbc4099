import { type Attempt, type Outcome, outcomeOf } from './attempt.ts'

/** A child that the system refused to start: `error` is its end. */
export class Unstarted implements Attempt {
  readonly pid = undefined
  readonly stdout = null
  readonly stderr = null
  readonly reached = undefined
  readonly outcome: Promise<Outcome>
  onMessage: (message: unknown) => void = () => {}

  constructor(error: Error) {
    this.outcome = Promise.resolve(
      outcomeOf(undefined, false, { code: null, signal: null, error }, undefined),
    )
  }

  give(): void {}
  end(): void {}
  kill(): void {}
  keepAlive(): void {}
  send(): boolean {
    return false
  }
}
