import { isMainThread } from 'node:worker_threads'
import { State } from '../client/state.ts'
import { ShippingError } from '../errors.ts'
import { reviveTarget } from '../process/target.ts'
import { fromWire } from '../protocol/values.ts'
import type { AnyFunction } from '../shipping/shipment.ts'
import { traceFromWire } from '../tracing/carried.ts'
import { isTraced, items, trace } from '../tracing/channels.ts'
import type { Shape } from './messages.ts'

/** A job as its worker sees it: the target, and how an item becomes a call of it. */
export class Task {
  readonly shape: Shape
  readonly call: Promise<(item: unknown) => unknown>
  readonly cancelled = new AbortController()
  readonly #root: State
  readonly #worker: string
  #state: State | undefined

  constructor(target: Uint8Array, shape: Shape, copy: Uint8Array | null, root: State, worker: string) {
    this.shape = shape
    this.#root = root
    this.#worker = worker
    this.call = targetOf(target, copy).then(fn => this.#caller(fn))
    // The chunks of the job report the failure.
    this.call.catch(() => {})
  }

  /** `call`, for the subscribers of the channel of items. */
  traced(call: (item: unknown) => unknown): (item: unknown) => unknown {
    if (!isTraced(items)) return call
    const { namespace } = this.#root
    const { name, single, trace: ofMap } = this.shape
    return item => {
      const ofCall = single ? (item as unknown[])[2] : undefined
      const from = traceFromWire(ofCall ?? ofMap)
      const unit = single ? 'call' : 'item'
      return trace(items, { function: name, unit, namespace, trace: from }, () => call(item))
    }
  }

  /** Shows the target in `ps`. */
  show(): void {
    if (shown === this || !isMainThread) return
    shown = this
    process.title = `zproc ${this.#worker}: ${this.shape.name}`
  }

  end(): void {
    if (shown === this) shown = undefined
    void this.#state?.close()
  }

  #caller(fn: AnyFunction): (item: unknown) => unknown {
    const target = (...args: unknown[]): unknown => Reflect.apply(fn, undefined, args)
    const { stateful, plain } = this.shape
    const args = fromWire(this.shape.args) as unknown[]
    const kwargs = fromWire(this.shape.kwargs) as object | undefined
    if (plain && !stateful && args.length === 0 && !kwargs) return item => target(item)
    const first = () => (stateful ? [this.#ownState()] : [])
    if (plain) return item => target(...first(), item, ...args, ...(kwargs ? [{ ...kwargs }] : []))
    return item => {
      const [own, ownKwargs] = item as [unknown[], object | undefined]
      const last = ownKwargs || kwargs ? [{ ...ownKwargs, ...kwargs }] : []
      return target(...first(), ...own, ...args, ...last)
    }
  }

  /** A State for the calls of this job. When a target closes it, the next call gets another one. */
  #ownState(): State {
    if (this.#state) return this.#state
    const state = this.#root.fork()
    const close = () => {
      if (this.#state === state) this.#state = undefined
      return State.prototype.close.call(state)
    }
    Object.defineProperty(state, 'close', { value: close })
    this.#state = state
    return state
  }
}

let shown: Task | undefined

async function targetOf(bytes: Uint8Array, copy: Uint8Array | null): Promise<AnyFunction> {
  // Buffers of their own: functions outlive the frame that they came in.
  const [referring, whole] = [Buffer.from(bytes), copy && Buffer.from(copy)]
  try {
    return await reviveTarget(referring)
  } catch (error) {
    if (whole && error instanceof ShippingError) return reviveTarget(whole)
    throw error
  }
}
