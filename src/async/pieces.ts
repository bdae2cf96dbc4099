import { monotonic, soon } from './interval.ts'

// Milliseconds that a piece takes, about: what arrives meanwhile waits for no longer.
const PIECE = 2

/** Works that are under way, each as a function that does a piece of it and says whether that was the last. */
const underWay: (() => boolean)[] = []

/**
 * Carries out work that may take long in pieces, between which the events of the program are dealt with. `work` yields where it
 * may be left: often enough, and never in a state that others must not see. Works that are under way at the same time take turns.
 */
export function inPieces<T>(work: Generator<void, T>): Promise<T> {
  return new Promise((resolve, reject) => {
    underWay.push(() => {
      const until = monotonic() + PIECE
      try {
        do {
          const { done, value } = work.next()
          if (!done) continue
          resolve(value)
          return true
        } while (monotonic() < until)
        return false
      } catch (error) {
        reject(error)
        return true
      }
    })
    if (underWay.length === 1) turn()
  })
}

function turn(): void {
  const next = underWay[0] as () => boolean
  const isOver = next()
  underWay.shift()
  if (!isOver) underWay.push(next)
  if (underWay.length > 0) soon(turn)
}
