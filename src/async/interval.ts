import timers from 'node:timers'

// Everything that zproc schedules with or reads the time from is taken here, when it is loaded: a test runner that replaces
// these functions later keeps no call waiting. Constants, since imported names follow what is replaced in `node:timers`.
// test/project/timers.test.ts finds uses of the globals elsewhere.
const { clearTimeout, setImmediate, setInterval, setTimeout } = timers

/** The longest delay that a timer of Node's takes: a longer one fires at once. */
export const LONGEST_DELAY = 2 ** 31 - 1

export type Timer = NodeJS.Timeout

/** Calls `done` after `ms`, however long that is; `Infinity` and `undefined`: never. `cancel` calls it off. */
export function after(ms: number | undefined, done: () => void): Timer | undefined {
  if (ms === undefined || ms === null || ms === Number.POSITIVE_INFINITY) return undefined
  if (ms <= LONGEST_DELAY) return setTimeout(done, ms)
  let rounds = Math.ceil(ms / LONGEST_DELAY)
  const timer = setTimeout(
    () => {
      if (--rounds > 0) timer.refresh()
      else done()
    },
    // The quotient of large numbers may be rounded up.
    Math.min(Math.ceil(ms / rounds), LONGEST_DELAY),
  )
  return timer
}

/** Calls `act` every `ms`, which are at most `LONGEST_DELAY`, until `cancel`. */
export function every(ms: number, act: () => void): Timer {
  return setInterval(act, ms)
}

/** Calls off what `after` or `every` has begun. */
export function cancel(timer: Timer | undefined): void {
  clearTimeout(timer)
}

/** Keeps the program alive until `cancel`. */
export function holdOpen(): Timer {
  return setInterval(() => {}, LONGEST_DELAY)
}

/** Resolves after `ms`. `ref: false`: the program may end before that. */
export function sleep(ms: number, { ref = true }: { ref?: boolean } = {}): Promise<void> {
  return new Promise(resolve => {
    const timer = after(ms, resolve)
    if (!ref) timer?.unref()
  })
}

/** Calls `act` when what has arrived in this turn of the event loop is dealt with. */
export const soon: (act: () => void) => NodeJS.Immediate = setImmediate

/** Calls `act` when the code that runs has returned, before promises are continued. */
export const nextTick: (act: () => void) => void = process.nextTick.bind(process)

/** Calls `act` when the code that runs has returned. */
export const microtask: (act: () => void) => void = queueMicrotask

/** Milliseconds since the program started: for measuring, no clock's adjustment changes it. */
export const monotonic: () => number = performance.now.bind(performance)

const { eventLoopUtilization } = performance

/** Milliseconds in which the event loop of this thread has worked, and in which it has waited, since it began. */
export const loopTimes = (): { active: number; idle: number } => eventLoopUtilization.call(performance)

/** Milliseconds since 1970. */
export const wallClock: () => number = Date.now
