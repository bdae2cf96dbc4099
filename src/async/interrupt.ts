// Interrupting what a process awaits: a signal becomes an exception there, see signalToException.
// Whoever holds pending promises says so with `onInterrupt`; whoever begins to wait asks `takeInterrupt` first.
const listeners = new Set<(error: Error) => boolean>()
let kept: Error | undefined

/** Rejects all that is pending with `error`. When nothing is, whatever is awaited next gets it. */
export function interruptAll(error: Error): void {
  let heard = false
  for (const interrupt of [...listeners]) heard = interrupt(error) || heard
  if (!heard) kept = error
}

/** `interrupt` rejects what is pending and says whether anything was. Returns the function that calls it off. */
export function onInterrupt(interrupt: (error: Error) => boolean): () => void {
  listeners.add(interrupt)
  return () => listeners.delete(interrupt)
}

/** The interruption that came while nothing was pending, if one did: to be thrown instead of waiting. */
export function takeInterrupt(): Error | undefined {
  const error = kept
  kept = undefined
  return error
}

/** The promise, or the interruption that comes before it is settled. */
export function interruptible<T>(promise: Promise<T>): Promise<T> {
  const early = takeInterrupt()
  if (early) return Promise.reject(early)
  return new Promise<T>((resolve, reject) => {
    const callOff = onInterrupt(error => {
      callOff()
      reject(error)
      return true
    })
    promise.then(resolve, reject).finally(callOff)
  })
}
