import type { Histogram, Meter } from '@opentelemetry/api'
import { monotonic } from '../async/interval.ts'
import { commands } from '../tracing/channels.ts'
import type { CommandTrace } from '../tracing/messages.ts'
import { serverOf, typeOf } from './attributes.ts'

// Seconds, as the semantic conventions advise.
const BOUNDARIES = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

/** How long commands take. */
export class Durations {
  readonly #histogram: Histogram
  readonly #began = new WeakMap<object, number>()

  constructor(meter: Meter) {
    this.#histogram = meter.createHistogram('db.client.operation.duration', {
      description: 'Duration of database client operations.',
      unit: 's',
      advice: { explicitBucketBoundaries: BOUNDARIES },
    })
  }

  /** Returns the function that calls it off. */
  follow(): () => void {
    const { start, asyncEnd } = commands
    const begin = (message: unknown) => void this.#began.set(message as CommandTrace, monotonic())
    const end = (message: unknown) => this.#end(message as CommandTrace)
    start.subscribe(begin)
    asyncEnd.subscribe(end)
    return () => {
      start.unsubscribe(begin)
      asyncEnd.unsubscribe(end)
    }
  }

  #end(message: CommandTrace): void {
    const began = this.#began.get(message)
    if (began === undefined) return
    const { command, namespace, serverAddress } = message
    this.#histogram.record((monotonic() - began) / 1000, {
      'db.system.name': 'zproc',
      'db.operation.name': command,
      'db.namespace': namespace,
      ...serverOf(serverAddress),
      ...('error' in message && { 'error.type': typeOf(message.error) }),
    })
  }
}
