import { availableParallelism } from 'node:os'
import { ShippingError } from '../errors.ts'
import { toWire } from '../protocol/values.ts'
import { type Shipped, ship } from '../shipping/ship.ts'
import { inject, traceToWire } from '../tracing/carried.ts'
import type { Shape } from './messages.ts'
import type { MapOptions } from './options.ts'

export type MapTarget = ((...args: never[]) => unknown) | URL

/** What is asked of a job. */
export interface JobSettings {
  /** The call, for messages. */
  call: string
  unit: 'map' | 'call'
  target: Uint8Array
  /** The target by value, for machines that lack the modules which it refers to. */
  copy: Uint8Array | null
  shape: Shape
  /** The number of workers that it may use at a time. */
  limit: number
  /** Whether it has workers of its own. */
  fresh: boolean
  chunkSize: number | undefined
  maxRetries: number
  /** Milliseconds for one item. */
  timeout: number | undefined
  /** The number of items after which a worker is replaced. */
  maxItemsPerWorker: number | undefined
  /** Whether outcomes are wanted in the order of the items. */
  ordered: boolean
  /** Names items in messages: `items 3 to 5`. */
  subject(first: number, count: number): string
}

export function mapSettings(target: MapTarget, plain: boolean, options: MapOptions): JobSettings {
  const call = 'ctx.processMap'
  const { args = [], kwargs, stateful = false, settle = false, chunkSize, timeout, memoryLimit } = options
  const isShared = options.pool === 'shared'
  const carried = inject()
  const shipped = ship(target, { call: `${call}(fn)`, byValue: isShared && target instanceof URL })
  return {
    call,
    unit: 'map',
    target: shipped.bytes,
    copy: isShared ? copyOf(target, `${call}(fn)`) : null,
    shape: {
      name: shipped.name || 'anonymous',
      stateful,
      plain,
      single: false,
      args: toWire(args, call, 'args'),
      kwargs: toWire(kwargs, call, 'kwargs'),
      settle,
      divisible: chunkSize === undefined,
      timed: timeout !== undefined,
      memoryLimit: memoryLimit ?? null,
      ...(carried && { trace: traceToWire(carried) }),
    },
    limit: options.count ?? (isShared ? Number.POSITIVE_INFINITY : availableParallelism()),
    fresh: options.new === true,
    chunkSize,
    maxRetries: options.maxRetries ?? 1,
    timeout,
    maxItemsPerWorker: options.maxItemsPerWorker,
    ordered: options.ordered ?? true,
    subject: (first, count) => (count === 1 ? `item ${first}` : `items ${first} to ${first + count - 1}`),
  }
}

export function callSettings({ bytes, name }: Shipped): JobSettings {
  return {
    call: 'ctx.run',
    unit: 'call',
    target: bytes,
    copy: null,
    shape: {
      name: name || 'anonymous',
      stateful: false,
      plain: false,
      single: true,
      args: toWire([], 'ctx.run'),
      kwargs: undefined,
      settle: true,
      divisible: true,
      timed: false,
      memoryLimit: null,
    },
    limit: availableParallelism(),
    fresh: false,
    chunkSize: undefined,
    maxRetries: 1,
    timeout: undefined,
    maxItemsPerWorker: undefined,
    ordered: false,
    subject: () => `a call of ${name || 'an anonymous function'}`,
  }
}

/** A function by value, if it can go so. */
function copyOf(target: MapTarget, call: string): Uint8Array | null {
  if (target instanceof URL) return null
  try {
    return ship(target, { call, byValue: true }).bytes
  } catch (error) {
    if (error instanceof ShippingError) return null
    throw error
  }
}
