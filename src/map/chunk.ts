import { fromWire, type Inline, type Wire } from '../protocol/values.ts'

/** The arguments of one call: as they are, where all are primitives; else [arguments, kwargs, trace?], encoded. */
export type CallItem = Wire | Inline[]

/** Encoded items: one list, or each by itself (`Shape.single`). */
export type Payload = Wire | CallItem[]

/** Items that a worker gets in one message. */
export interface Chunk {
  /** The index of its first item that has no outcome yet. */
  first: number
  /** The number of its items that have no outcome yet. */
  count: number
  payload: Payload
  /** The number of items at the start of the payload that have an outcome. */
  reported: number
  /** The number of workers that died while they ran it. */
  deaths: number
}

/** Consecutive items that wait for a worker. */
export interface Segment {
  first: number
  items: unknown[]
  /** The number of workers that died while they ran these items. */
  deaths: number
}

/** The items of a chunk from `from` on, counted from its first one without an outcome. */
export function segmentOf(chunk: Chunk, from: number, deaths: number): Segment {
  const { payload, reported } = chunk
  const items = Array.isArray(payload) ? payload : (fromWire(payload) as ArrayLike<unknown>)
  return {
    first: chunk.first + from,
    items: Array.prototype.slice.call(items, reported + from, reported + chunk.count),
    deaths,
  }
}
