import type { OutputLine, PoolDescription, ProcessDescription } from './description.ts'

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

/** The last lines that a process has printed. Of a line `time` is how many milliseconds ago it came. */
export interface OutputReport {
  /** What of its output is read: what a child has inherited is not. */
  seen: 'all' | 'stderr' | 'nothing'
  lines: OutputLine[]
}
