import { isMainThread } from 'node:worker_threads'
import { after, cancel, monotonic } from '../async/interval.ts'
import { errorToWire, fromWire, isInline, type Wire } from '../protocol/values.ts'
import type { CallItem, Payload } from './chunk.ts'
import { enterItemSignal } from './item-signal.ts'
import { FromWorker, type WorkerMessage } from './messages.ts'
import { NoData, packResults } from './pack-results.ts'
import type { Task } from './task.ts'

// A chunk that takes longer than this many milliseconds is handed back in part, so that other workers can go on with it:
// between two items, and while one is awaited.
const LONG_MS = 20
const LONG_AWAITED_MS = 40
// Items that may pass without a look at the time, while as many take less than these milliseconds: few, the next may be long.
const UNSEEN_ITEMS = 4
const QUICK_MS = 0.1
// Memory is measured at most this often, in milliseconds.
const MEMORY_MS = 10

interface Queued {
  task: Task
  chunk: number
  payload: Payload
}

/** Runs the chunks that a worker gets, one after the other, and reports their results. */
export class ChunkRunner {
  readonly #tell: (message: WorkerMessage) => void
  /** Resolves when what was sent has left this process. */
  readonly #sent: () => Promise<void> | undefined
  readonly #queue: Queued[] = []
  #run: ChunkRun | undefined

  constructor(tell: (message: WorkerMessage) => void, sent: () => Promise<void> | undefined) {
    this.#tell = tell
    this.#sent = sent
  }

  add(task: Task, chunk: number, payload: Payload): void {
    if (this.#run?.isLong) return this.#giveBack(chunk)
    this.#queue.push({ task, chunk, payload })
    if (!this.#run) void this.#start()
  }

  async #start(): Promise<void> {
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      this.#run = new ChunkRun(next.task, next.chunk, next.payload, this.#tell, () => this.#giveBackAll())
      const report = await this.#run.whole()
      if (isOver(next.task)) {
        this.#giveBackAll()
        this.#tell([FromWorker.full])
      }
      this.#tell(report)
      // So that the pool knows which chunk a worker ran when it died.
      const sent = this.#sent()
      if (sent) await sent
    }
    this.#run = undefined
  }

  #giveBackAll(): void {
    for (const { chunk } of this.#queue.splice(0)) this.#giveBack(chunk)
  }

  #giveBack(chunk: number): void {
    this.#tell([FromWorker.results, chunk, 0, null, [], 0, 0, true])
  }
}

/** One chunk on its way. */
class ChunkRun {
  /** It takes longer than LONG_AWAITED_MS. */
  isLong = false
  readonly #task: Task
  readonly #chunk: number
  readonly #payload: Payload
  readonly #tell: (message: WorkerMessage) => void
  readonly #onLong: () => void
  #results: unknown[] = []
  #failures: [number, Wire][] = []
  /** The number of items that have been reported. */
  #reported = 0
  /** The number of items that it is to run. */
  #count = 0
  #began = 0
  #isAwaited = false
  #timer: NodeJS.Timeout | undefined

  constructor(
    task: Task,
    chunk: number,
    payload: Payload,
    tell: (message: WorkerMessage) => void,
    onLong: () => void,
  ) {
    this.#task = task
    this.#chunk = chunk
    this.#payload = payload
    this.#tell = tell
    this.#onLong = onLong
  }

  async whole(): Promise<WorkerMessage> {
    const { signal } = this.#task.cancelled
    try {
      const call = await this.#task.call
      if (signal.aborted) return [FromWorker.dropped, this.#chunk]
      enterItemSignal(signal)
      this.#task.show()
      if (this.#task.shape.timed) this.#tell([FromWorker.begun, this.#chunk])
      const isWhole = await this.#items(this.#task.traced(call))
      if (!isWhole || signal.aborted) return [FromWorker.dropped, this.#chunk]
      return this.#report(0)
    } catch (error) {
      if (signal.aborted) return [FromWorker.dropped, this.#chunk]
      if (error instanceof NoData) return this.#failed(error.at, error.cause)
      return this.#failed(this.#results.length, error)
    } finally {
      cancel(this.#timer)
    }
  }

  /** Whether it came to the end of what it is to run. */
  async #items(call: (item: unknown) => unknown): Promise<boolean> {
    const items = itemsOf(this.#payload)
    const { shape, cancelled } = this.#task
    this.#count = items.length
    this.#began = monotonic()
    const clock = new Clock(this.#began)
    for (let i = 0; i < this.#count; i++) {
      if (shape.divisible && i === clock.next && clock.look(i) > LONG_MS) this.#count = i
      if (i === this.#count || (i > 0 && isOver(this.#task))) break
      try {
        const result = call(items[i])
        if (!isThenable(result)) this.#results.push(result)
        else {
          this.#isAwaited = true
          this.#timer ??= after(LONG_AWAITED_MS, () => this.#long())
          // Which results are the current ones is known after the wait: a report takes those before it.
          const value = await result
          this.#results.push(value)
          // Only while something is awaited can a cancellation arrive.
          if (cancelled.signal.aborted) return false
        }
      } catch (error) {
        if (!shape.settle || cancelled.signal.aborted) throw error
        this.#failures.push([this.#results.length, errorToWire(error)])
        this.#results.push(undefined)
      }
    }
    return true
  }

  /** Reports the results so far, and hands back what has not begun. */
  #long(): void {
    this.isLong = true
    this.#timer = undefined
    this.#onLong()
    const kept = this.#task.shape.divisible ? 1 : this.#count - this.#reported - this.#results.length
    try {
      this.#count = this.#reported + this.#results.length + kept
      this.#tell(this.#report(kept))
    } catch (error) {
      // A result that is no data: the end of the chunk says so.
      if (!(error instanceof NoData)) throw error
    }
  }

  #report(kept: number): WorkerMessage {
    const { settle, single } = this.#task.shape
    const count = this.#results.length
    const results =
      single && this.#results.every(isInline)
        ? this.#results
        : packResults(this.#results, settle ? this.#failures : undefined)
    const failures = this.#failures
    const now = monotonic()
    const ms = now - this.#began
    this.#began = now
    this.#reported += count
    this.#results = []
    this.#failures = []
    return [FromWorker.results, this.#chunk, count, results, failures, ms, kept, this.#isAwaited]
  }

  #failed(at: number, error: unknown): WorkerMessage {
    return [FromWorker.failed, this.#chunk, packResults(this.#results.slice(0, at)), at, errorToWire(error)]
  }
}

/** Reads the time only as often as it matters: looking would take longer than squaring a number. */
class Clock {
  /** Before this item the time is to be looked at. */
  next = 1
  readonly #began: number
  #last: number
  #step = 1

  constructor(began: number) {
    this.#began = began
    this.#last = began
  }

  /** Milliseconds since it began. */
  look(item: number): number {
    const now = monotonic()
    this.#step = now - this.#last < QUICK_MS ? Math.min(this.#step * 2, UNSEEN_ITEMS) : 1
    this.#last = now
    this.next = item + this.#step
    return now - this.#began
  }
}

const itemsOf = (payload: Payload): ArrayLike<unknown> =>
  Array.isArray(payload) ? payload.map(callOf) : (fromWire(payload) as ArrayLike<unknown>)

const callOf = (item: CallItem): unknown => (Array.isArray(item) ? [item, undefined] : fromWire(item))

let measuredAt = 0
let isOverLimit = false

/** Whether this worker holds more memory than the task allows. */
function isOver({ shape }: Task): boolean {
  if (shape.memoryLimit === null) return false
  const now = monotonic()
  if (now - measuredAt < MEMORY_MS) return isOverLimit
  measuredAt = now
  isOverLimit = memoryOf() > shape.memoryLimit
  return isOverLimit
}

/** Bytes: the resident set; of a thread, which shares that with its process, its heap and what hangs on it. */
function memoryOf(): number {
  if (isMainThread) return process.memoryUsage.rss()
  const { heapTotal, external } = process.memoryUsage()
  return heapTotal + external
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
