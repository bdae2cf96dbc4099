export type Step<T> = IteratorResult<T, undefined>

export const end = (): { done: true; value: undefined } => ({ done: true, value: undefined })

/** An async iterator whose steps are taken one after the other, and which is over when one of them fails. */
export abstract class Steps<T> implements AsyncIterableIterator<T> {
  #isOver = false
  // Steps that were asked for and are not taken; and the last of them.
  #underWay = 0
  #last: Promise<void> = Promise.resolve()

  next(): Promise<Step<T>> {
    if (this.#underWay === 0 && !this.#isOver) {
      const here = this.atOnce()
      if (here) return here
    }
    // Calls that are made before the one before has its answer take their turns.
    const step = this.#underWay++ === 0 ? this.#step() : this.#last.then(() => this.#step())
    this.#last = step.then(
      () => {
        this.#underWay--
      },
      () => {
        this.#underWay--
        this.finish()
      },
    )
    return step
  }

  async return(): Promise<Step<T>> {
    this.finish()
    return end()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The next step, if it need not be waited for. */
  protected atOnce(): Promise<Step<T>> | undefined {
    return undefined
  }

  protected abstract step(): Promise<Step<T>>

  /** It is over: nothing is open for it any more, and a step that is pending is the end. */
  protected abstract left(): void

  protected finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.left()
  }

  #step(): Promise<Step<T>> {
    return this.#isOver ? Promise.resolve(end()) : this.step()
  }
}
