import type { Table } from './kit/report.ts'

/** A figure that the documentation, or another part of the project, depends on. */
export interface Promised {
  file: string
  title: string
  row: string
  /** Of the figure itself, or of its ratio to the first row of its table. */
  of: 'median' | 'ratio'
  atMost?: number
  atLeast?: number
  /** What a noisy machine may add or take before the promise counts as broken: a share of the limit. */
  slack: number
}

const one = 'One call at a time'
const many = '500 calls in flight'

// Ratios within one run say more than figures of one machine: those have more slack.
export const promises: Promised[] = [
  { file: 'calls', title: one, row: 'set', of: 'ratio', atMost: 1.3, slack: 0.15 },
  { file: 'calls', title: one, row: 'get', of: 'ratio', atMost: 1.3, slack: 0.15 },
  { file: 'calls', title: one, row: 'atomic', of: 'ratio', atMost: 1.3, slack: 0.15 },
  { file: 'calls', title: many, row: 'set', of: 'median', atLeast: 400_000, slack: 0.3 },
  { file: 'calls', title: many, row: 'get', of: 'median', atLeast: 400_000, slack: 0.3 },
  { file: 'calls', title: many, row: 'atomic', of: 'median', atLeast: 200_000, slack: 0.3 },
  {
    file: 'contended',
    title: 'Four processes, one counter',
    row: 'zproc, 10 keys',
    of: 'median',
    atLeast: 200_000,
    slack: 0.3,
  },
  {
    file: 'ping-pong',
    title: 'There and back through watchers',
    row: 'ping-pong',
    of: 'ratio',
    atMost: 2.6,
    slack: 0.15,
  },
  { file: 'watchers', title: 'Reading a view', row: 'view.get', of: 'median', atMost: 1000, slack: 0 },
  {
    file: 'watchers',
    title: 'After 1,000,000 commits on 100 keys',
    row: "the server's memory",
    of: 'median',
    atMost: 300,
    slack: 0,
  },
]

export interface Verdict {
  promise: Promised
  figure: number | undefined
  verdict: 'kept' | 'within slack' | 'broken' | 'not measured'
}

/** What became of each promise in a run. */
export function judge(tables: Table[], all: Promised[] = promises): Verdict[] {
  return all.map(promise => {
    const table = tables.find(({ file, title }) => file === promise.file && title === promise.title)
    const figure = table?.rows.find(({ name }) => name === promise.row)?.[promise.of]
    if (figure === undefined) return { promise, figure, verdict: 'not measured' }
    const { atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY, slack } = promise
    if (figure <= atMost && figure >= atLeast) return { promise, figure, verdict: 'kept' }
    const near = figure <= atMost * (1 + slack) && figure >= atLeast * (1 - slack)
    return { promise, figure, verdict: near ? 'within slack' : 'broken' }
  })
}
