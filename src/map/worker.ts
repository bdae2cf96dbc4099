import { connect } from 'node:net'
import { monotonic } from '../async/interval.ts'
import type { State } from '../client/state.ts'
import { ShippingError } from '../errors.ts'
import { reviveTarget } from '../process/target.ts'
import { errorToWire, fromWire, toWire, type Wire } from '../protocol/values.ts'
import { Channel } from '../transport/channel.ts'
import { Did, Do, listToWire, type PoolMessage, type Shape, type WorkerMessage } from './messages.ts'
import { enterChunk } from './signal.ts'

// Milliseconds: a chunk that takes longer is handed back, so that others can do what is left of it.
const PATIENCE = 20
// Items that may pass without a look at the time, while as many take less than these milliseconds: few, the next may be long.
const UNSEEN = 4
const QUICK = 0.1

interface Task {
  target: Promise<(...args: unknown[]) => unknown>
  shape: Shape
  args: unknown[]
  kwargs: object | undefined
  cancelled: AbortController
}

/** The target of a pool's worker: runs chunks until its pool lets go of it. */
export default async function work(state: State, path: string, worker: number): Promise<void> {
  const tasks = new Map<number, Task>()
  let queue: Promise<void> = Promise.resolve()
  const socket = connect({ path })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject).once('connect', resolve)
  })
  await new Promise<void>(resolve => {
    const channel = Channel.over(socket, {
      frame: messages => {
        for (const message of messages as PoolMessage[]) take(message)
      },
      lost: () => resolve(),
    })
    const tell = (message: WorkerMessage) => {
      channel.send(message)
      channel.flush()
    }
    const take = (message: PoolMessage): void => {
      const [kind, number] = message
      if (kind === Do.task) tasks.set(number, makeTask(message[2], message[3], message[4]))
      else if (kind === Do.cancel) tasks.get(number)?.cancelled.abort(new Error('the map was cancelled'))
      else if (kind === Do.forget) tasks.delete(number)
      else if (kind === Do.chunk) {
        const task = tasks.get(number) as Task
        queue = queue.then(() => runChunk(task, message[2], message[3], state, tell)).then(tell)
      }
    }
    tell([Did.join, worker])
  })
}

function makeTask(bytes: Uint8Array, shape: Shape, copy: Uint8Array | null): Task {
  const target = targetOf(bytes, copy) as Task['target']
  target.catch(() => {})
  const args = fromWire(shape.args) as unknown[]
  const kwargs = fromWire(shape.kwargs) as object | undefined
  return { target, shape, args, kwargs, cancelled: new AbortController() }
}

async function targetOf(bytes: Uint8Array, copy: Uint8Array | null): Promise<unknown> {
  // Buffers of their own: functions outlive the frame that they came in.
  const [referring, whole] = [Buffer.from(bytes), copy && Buffer.from(copy)]
  try {
    return await reviveTarget(referring)
  } catch (error) {
    if (whole && error instanceof ShippingError) return reviveTarget(whole)
    throw error
  }
}

async function runChunk(
  task: Task,
  chunk: number,
  wire: Wire,
  state: State,
  tell: (message: WorkerMessage) => void,
): Promise<WorkerMessage> {
  const { shape, cancelled } = task
  const results: unknown[] = []
  const failures: [number, Wire][] = []
  const items = fromWire(wire) as unknown[]
  try {
    const target = await task.target
    const call = caller(target, task, state)
    enterChunk(cancelled.signal)
    if (shape.timed) tell([Did.begun, chunk])
    const began = monotonic()
    const clock = new Clock(began)
    if (cancelled.signal.aborted) return [Did.dropped, chunk]
    for (let i = 0; i < items.length; i++) {
      if (shape.divisible && i === clock.next && clock.look(i) > PATIENCE) break
      try {
        const result = call(items[i])
        if (!isThenable(result)) results.push(result)
        else {
          results.push(await result)
          // Only while something is awaited can word of it come.
          if (cancelled.signal.aborted) return [Did.dropped, chunk]
        }
      } catch (error) {
        if (!shape.settle || cancelled.signal.aborted) throw error
        failures.push([i, errorToWire(error)])
        results.push(undefined)
      }
    }
    const ms = monotonic() - began
    return [Did.done, chunk, pack(results, shape.settle ? failures : undefined), ms, failures]
  } catch (error) {
    if (cancelled.signal.aborted) return [Did.dropped, chunk]
    if (error instanceof NoData) return failed(chunk, results, error.at, error.cause)
    return failed(chunk, results, results.length, error)
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
    this.#step = now - this.#last < QUICK ? Math.min(this.#step * 2, UNSEEN) : 1
    this.#last = now
    this.next = item + this.#step
    return now - this.#began
  }
}

const failed = (chunk: number, results: unknown[], at: number, error: unknown): WorkerMessage => [
  Did.failed,
  chunk,
  pack(results.slice(0, at)),
  at,
  errorToWire(error),
]

/** The first result that is no data. */
class NoData extends Error {
  readonly at: number
  constructor(at: number, cause: unknown) {
    super('no data', { cause })
    this.at = at
  }
}

/** What is no data is one more of the `failures`, where there are such. */
function pack(results: unknown[], failures?: [number, Wire][]): Wire {
  try {
    return listToWire(results, 'processMap', 'results')
  } catch {
    const sound = results.map((result, i) => {
      try {
        toWire(result, 'processMap', 'the result')
        return result
      } catch (error) {
        if (!failures) throw new NoData(i, error)
        failures.push([i, errorToWire(error)])
        return undefined
      }
    })
    return toWire(sound, 'processMap', 'results')
  }
}

function caller(
  target: (...args: unknown[]) => unknown,
  task: Task,
  state: State,
): (item: unknown) => unknown {
  const { shape, args, kwargs } = task
  const first = shape.stateful ? [state] : []
  if (shape.plain && !shape.stateful && args.length === 0 && !kwargs) return item => target(item)
  if (shape.plain) return item => target(...first, item, ...args, ...(kwargs ? [{ ...kwargs }] : []))
  return item => {
    const [own, ownKwargs] = item as [unknown[], object | undefined]
    const all = ownKwargs || kwargs ? [{ ...ownKwargs, ...kwargs }] : []
    return target(...first, ...own, ...args, ...all)
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
