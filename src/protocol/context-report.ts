import type { PoolDescription, ProcessDescription } from './description.ts'

/**
 * What a program says of its processes when its server asks. As it is described, without the session; in place of times, which two
 * clocks would tell differently, milliseconds that have passed since.
 */
export interface ContextReport {
  processes: ProcessReport[]
  pools: PoolReport[]
  /** Processes that are left out. */
  more: number
}

export type ProcessReport = Omit<ProcessDescription, 'session' | 'parent'>
export type PoolReport = Omit<PoolDescription, 'session' | 'parent'>
