import { Worker } from 'node:worker_threads'

/** What a server was doing when it had not moved on for too long. */
export interface Stuck {
  /** The name of the atomic function that does not end. */
  function: string
  /** Who called it: the pid, and the name of the process. */
  pid: number
  name: string
  /** For how many milliseconds, about. */
  ms: number
}

const SLOTS = 8192
const SLOT_BYTES = 64
const HEAD = 4
const [RUNS, FUNCTION, CLIENT, PID] = [0, 1, 2, 3] as const

/** What a thread is doing, written down where another thread can read it although this one does not answer. */
export class Doing {
  readonly memory = new SharedArrayBuffer((HEAD + SLOTS) * 4 + SLOTS * SLOT_BYTES)
  readonly #now = new Int32Array(this.memory, 0, HEAD)
  readonly #ids = new Int32Array(this.memory, HEAD * 4, SLOTS)
  readonly #texts = new Uint8Array(this.memory, (HEAD + SLOTS) * 4)
  readonly #numbers = new WeakMap<object, number>()
  readonly #encoder = new TextEncoder()
  readonly #watch: (memory: SharedArrayBuffer) => void
  #last = 0
  #function = 0
  #thing: object | undefined
  #client: object | undefined

  /** `watch` is called when there is something to be looked at for the first time. */
  constructor(watch: (memory: SharedArrayBuffer) => void) {
    this.#watch = watch
  }

  /** `thing` has begun to run, on behalf of `client`: an object of the caller's that stays the same. */
  begin(thing: { name: string }, client: { name: string; pid: number }): void {
    const now = this.#now
    if (client !== this.#client) {
      this.#client = client
      now[PID] = client.pid
      now[CLIENT] = this.#number(client)
    }
    if (thing !== this.#thing) {
      this.#thing = thing
      this.#function = this.#number(thing)
    }
    now[FUNCTION] = this.#function
    now[RUNS] = (now[RUNS] as number) + 1
  }

  end(): void {
    this.#now[FUNCTION] = 0
  }

  // Names are written once; when there are very many, the oldest ones are forgotten, which the number shows.
  #number(thing: { name: string }): number {
    const known = this.#numbers.get(thing)
    if (known !== undefined && this.#ids[known % SLOTS] === known) return known
    if (this.#last === 0) this.#watch(this.memory)
    const number = ++this.#last
    const slot = number % SLOTS
    const text = this.#texts.subarray(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES).fill(0)
    // Text cannot be written into shared memory directly.
    const bytes = this.#encoder.encode(thing.name.slice(0, SLOT_BYTES))
    text.set(bytes.subarray(0, SLOT_BYTES))
    this.#ids[slot] = number
    this.#numbers.set(thing, number)
    return number
  }
}

/**
 * Looks at what another thread is `doing` twice a second, from a thread of its own, and tells when one thing goes on for
 * longer than `patience` milliseconds: as a line of JSON to the file `fd`, or to `report`.
 */
export function startWatchdog(
  memory: SharedArrayBuffer,
  patience: number,
  to: number | ((stuck: Stuck) => void),
): Worker {
  const watchdog = new Worker(script, {
    eval: true,
    workerData: { memory, patience, fd: typeof to === 'number' ? to : -1 },
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  })
  if (typeof to === 'function') watchdog.on('message', to)
  watchdog.unref()
  return watchdog
}

// It counts its looks and asks no clock: a machine that was asleep is not stuck. It never returns to an event loop, so
// that it costs nothing but the looks.
const script = `
const { workerData: { memory, patience, fd }, parentPort } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const EVERY = 500
const now = new Int32Array(memory, 0, ${HEAD})
const ids = new Int32Array(memory, ${HEAD * 4}, ${SLOTS})
const texts = new Uint8Array(memory, ${(HEAD + SLOTS) * 4})
const pause = new Int32Array(new SharedArrayBuffer(4))
const name = number => {
  const slot = number % ${SLOTS}
  const text = texts.slice(slot * ${SLOT_BYTES}, (slot + 1) * ${SLOT_BYTES})
  return ids[slot] === number ? Buffer.from(text).toString().replace(/[\\0\\ufffd]+$/, '') : ''
}
let runs = 0
let looks = 0
for (;;) {
  Atomics.wait(pause, 0, 0, EVERY)
  if (now[${FUNCTION}] === 0 || now[${RUNS}] !== runs) {
    runs = now[${RUNS}]
    looks = 0
  } else if (looks * EVERY <= patience && ++looks * EVERY > patience) {
    const stuck = { function: name(now[${FUNCTION}]), pid: now[${PID}], name: name(now[${CLIENT}]), ms: looks * EVERY }
    if (fd < 0) parentPort.postMessage(stuck)
    else try {
      writeSync(fd, JSON.stringify(stuck) + '\\n')
    } catch {
      writeSync(2, 'zproc server: stuck: ' + JSON.stringify(stuck) + '\\n')
    }
  }
}
`
