/**
 * Runs a task again and again, one run at a time: what is asked for during a run is one more run behind it. So answers come in
 * order, and a page that is asked faster than it is answered skips.
 */
export class Latest {
  readonly #task: () => Promise<void>
  #isRunning = false
  #isAskedAgain = false

  constructor(task: () => Promise<void>) {
    this.#task = task
  }

  ask(): void {
    if (this.#isRunning) {
      this.#isAskedAgain = true
      return
    }
    this.#isRunning = true
    this.#task().finally(() => {
      this.#isRunning = false
      if (!this.#isAskedAgain) return
      this.#isAskedAgain = false
      this.ask()
    })
  }
}
