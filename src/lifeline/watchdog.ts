import type { Worker } from 'node:worker_threads'
import { every } from '../async/interval.ts'
import { newThread } from './thread.ts'

/** What a server was at when it had not moved on for too long. */
export interface Stuck {
  /** The name of the atomic function that does not end; '' if it has none, or it is none. */
  function: string
  /** Else the kind of the message that is answered; -1: none. */
  method: number
  /** For whom: the pid, and the name of the process; 0 and '' if for nobody. */
  pid: number
  name: string
  /** For how many milliseconds, about. */
  ms: number
}

const SLOTS = 8192
const SLOT_BYTES = 64
const HEAD = 8
const [MOVES, FUNCTION, METHOD, CLIENT, PID] = [0, 1, 2, 3, 4] as const
// Milliseconds from one look to the next; without a move after which a thread is stuck that answers somebody, unless a
// function runs there; and one that does not: it may as well have got no processor.
const EVERY = 500
const PATIENCE = 2500
const IDLE_PATIENCE = 3500

/** What a thread is doing, written down where another thread can read it although this one does not answer. */
export class Doing {
  readonly memory = new SharedArrayBuffer((HEAD + SLOTS) * 4 + SLOTS * SLOT_BYTES)
  readonly #now = new Int32Array(this.memory, 0, HEAD)
  readonly #ids = new Int32Array(this.memory, HEAD * 4, SLOTS)
  readonly #texts = new Uint8Array(this.memory, (HEAD + SLOTS) * 4)
  readonly #numbers = new WeakMap<object, number>()
  readonly #encoder = new TextEncoder()
  #last = 0
  #function = 0
  #thing: object | undefined
  #client: object | undefined

  /** Shows from now on that the thread moves on, even if it has nothing to do. */
  live(): void {
    every(EVERY, () => this.#move()).unref()
  }

  /** Messages of this client are answered: an object of the caller's that stays the same. */
  serve(client: { name: string; pid: number }): void {
    if (client === this.#client) return
    this.#client = client
    this.#now[PID] = client.pid
    this.#now[CLIENT] = this.#number(client)
  }

  /** The next one, of this kind. */
  answer(method: number): void {
    this.#now[METHOD] = method + 1
    this.#move()
  }

  /** All are answered. */
  rest(): void {
    this.#now[METHOD] = 0
  }

  /** `thing` has begun to run, on behalf of `client`. */
  begin(thing: { name: string }, client: { name: string; pid: number }): void {
    this.serve(client)
    if (thing !== this.#thing) {
      this.#thing = thing
      this.#function = this.#number(thing)
    }
    this.#now[FUNCTION] = this.#function
    this.#move()
  }

  end(): void {
    this.#now[FUNCTION] = 0
  }

  #move(): void {
    this.#now[MOVES] = (this.#now[MOVES] as number) + 1
  }

  // Names are written once; when there are very many, the oldest ones are forgotten, which the number shows.
  #number(thing: { name: string }): number {
    const known = this.#numbers.get(thing)
    if (known !== undefined && this.#ids[known % SLOTS] === known) return known
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

/** From a watchdog: the thread is stuck; it moves; it was said to be stuck, and is. */
export type Look = Stuck | 'moves' | 'stuck'

/**
 * Looks at what another thread is `doing` twice a second, from a thread of its own, and tells when it does not move on; one
 * function may take `patience` milliseconds. To `report` it tells what has changed; to the file `fd` it writes every second
 * a line of JSON, so that whoever reads there sees that the process as a whole is alive. While the thread is stuck, the file
 * `note` says in what: see hung-note.ts.
 */
export function startWatchdog(
  memory: SharedArrayBuffer,
  patience: number,
  to: number | ((look: Look) => void),
  note?: string,
): Worker | undefined {
  try {
    return watch(memory, patience, to, note)
  } catch (error) {
    console.error(`zproc: nothing tells if a function hangs in a server: ${(error as Error).message}`)
    return undefined
  }
}

function watch(
  memory: SharedArrayBuffer,
  patience: number,
  to: number | ((look: Look) => void),
  note: string | undefined,
): Worker {
  const watchdog = newThread(script, {
    name: 'zproc watchdog',
    eval: true,
    workerData: { memory, patience, note, fd: typeof to === 'number' ? to : -1 },
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
const { workerData: { memory, patience, note, fd }, parentPort } = require('node:worker_threads')
const { unlinkSync, writeFileSync, writeSync } = require('node:fs')
const now = new Int32Array(memory, 0, ${HEAD})
const ids = new Int32Array(memory, ${HEAD * 4}, ${SLOTS})
const texts = new Uint8Array(memory, ${(HEAD + SLOTS) * 4})
const pause = new Int32Array(new SharedArrayBuffer(4))
const name = number => {
  const slot = number % ${SLOTS}
  const text = texts.slice(slot * ${SLOT_BYTES}, (slot + 1) * ${SLOT_BYTES})
  return ids[slot] === number ? Buffer.from(text).toString().replace(/[\\0\\ufffd]+$/, '') : ''
}
const stuckIn = ms => {
  const busy = now[${FUNCTION}] !== 0 || now[${METHOD}] !== 0
  return {
    function: name(now[${FUNCTION}]),
    method: now[${FUNCTION}] !== 0 ? -1 : now[${METHOD}] - 1,
    pid: busy ? now[${PID}] : 0,
    name: busy ? name(now[${CLIENT}]) : '',
    ms,
  }
}
const allowed = () =>
  now[${FUNCTION}] !== 0 ? patience : now[${METHOD}] !== 0 ? ${PATIENCE} : ${IDLE_PATIENCE}
const tell = look => {
  if (fd < 0) return parentPort.postMessage(look)
  try {
    writeSync(fd, JSON.stringify(look) + '\\n')
  } catch {
    // The owner is gone: whoever looks at the server's own output can still see it.
    if (typeof look === 'object') writeSync(2, 'zproc server: stuck: ' + JSON.stringify(look) + '\\n')
  }
}
const attempt = act => {
  try {
    act()
  } catch {
    // The folder is gone, or the disk is full: what is stuck is told all the same.
  }
}
const setNote = stuck => {
  if (note === undefined) return
  attempt(() => unlinkSync(note))
  if (!stuck) return
  const text = JSON.stringify({ ...stuck, server: process.pid, isOwn: fd >= 0 })
  // Never through a link of another's.
  attempt(() => writeFileSync(note, text, { flag: 'wx', mode: 0o600 }))
}
let moves = 0
let still = 0
let stuck = false
for (let looks = 0; ; looks++) {
  if (fd >= 0 && looks % 2 === 0) tell(stuck ? 'stuck' : 'moves')
  Atomics.wait(pause, 0, 0, ${EVERY})
  if (now[${MOVES}] !== moves) {
    moves = now[${MOVES}]
    still = 0
    if (stuck) setNote()
    if (stuck && fd < 0) tell('moves')
    stuck = false
  } else if (!stuck && ++still * ${EVERY} > allowed()) {
    stuck = true
    const found = stuckIn(still * ${EVERY})
    setNote(found)
    tell(found)
  }
}
`
