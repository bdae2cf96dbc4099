import { Members } from './members.ts'

// Interrupting what a process awaits: a signal becomes an exception there, see signalToException.
// Whoever holds pending promises says so with `onInterrupt`; whoever begins to wait asks `takeInterrupt` first.
const listeners = new Members<(error: Error) => boolean>()
let kept: Error | undefined
let on = false

/** From now on there may be interruptions: before, calls that are over in a moment need not provide for them. */
export function turnInterruptsOn(): void {
  on = true
}

export function interruptsAreOn(): boolean {
  return on
}

/** Rejects all that is pending with `error`. When nothing is, whatever is awaited next gets it. */
export function interruptAll(error: Error): void {
  let heard = false
  for (const interrupt of listeners.all()) heard = interrupt(error) || heard
  if (!heard) kept = error
}

/** `interrupt` rejects what is pending and says whether anything was. Returns the function that calls it off. */
export function onInterrupt(interrupt: (error: Error) => boolean): () => void {
  listeners.add(interrupt)
  return () => listeners.delete(interrupt)
}

/** Whether an interruption came while nothing was pending, and nobody has taken it yet. */
export function interruptIsKept(): boolean {
  return kept !== undefined
}

/** The interruption that came while nothing was pending, if one did: to be thrown instead of waiting. */
export function takeInterrupt(): Error | undefined {
  const error = kept
  kept = undefined
  return error
}

/** What is promised, or the interruption that comes before that is settled. A function is not called if one came already. */
export function interruptible<T>(promised: Promise<T> | (() => Promise<T>)): Promise<T> {
  const early = takeInterrupt()
  if (early) return Promise.reject(early)
  return new Promise<T>((resolve, reject) => {
    const callOff = onInterrupt(error => {
      callOff()
      reject(error)
      return true
    })
    const promise = typeof promised === 'function' ? promised() : promised
    promise.then(callOff, callOff)
    promise.then(resolve, reject)
  })
}
