import type { Wire } from '../protocol/values.ts'

/** Items that travel together. */
export interface Chunk {
  /** The index of its first item. */
  first: number
  count: number
  items: Wire
  /** Workers that died while at it. */
  deaths: number
  state: 'waiting' | 'running' | 'done'
  results: unknown[]
  /** The items that failed, where errors are results. */
  failures: Map<number, unknown>
  /** Ends the map when the consumer comes to it, after the results. */
  error: { error: unknown } | undefined
}

export const newChunk = (first: number, items: Wire, count: number): Chunk => ({
  first,
  count,
  items,
  deaths: 0,
  state: 'waiting',
  results: [],
  failures: new Map(),
  error: undefined,
})
