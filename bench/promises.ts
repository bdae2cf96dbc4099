import { pairwise, type Table } from './kit/report.ts'

/** A figure that the documentation, or another part of the project, depends on. */
export interface Promised {
  file: string
  title: string
  row: string
  /** Of the figure itself, or of its ratio to another row of its table: to `to`, by default the first. */
  of: 'median' | 'ratio'
  to?: string
  atMost?: number
  atLeast?: number
  /** What a noisy machine may add or take before the promise counts as broken: a share of the limit. */
  slack: number
  /** Measured only where this peer is installed. */
  peer?: string
}

type Limits = Omit<Promised, 'file' | 'title' | 'row' | 'of'>

const median = (file: string, title: string, row: string, limits: Limits): Promised => ({
  file,
  title,
  row,
  of: 'median',
  ...limits,
})
const ratio = (file: string, title: string, row: string, limits: Limits): Promised => ({
  ...median(file, title, row, limits),
  of: 'ratio',
})

const calls = ['set', 'get', 'atomic']
const one = 'One call at a time, each process on a core of its own'
const many = '500 calls in flight'
const counter = 'Four processes, one counter'
const firsts = 'The first functions of a program'
const million = '1,000,000 × x => x * x, 2 workers'
const tiny = '50,000 tiny tasks, item by item'
const keys = '1,000,000 small keys'
const few = 'A process that uses 10 keys of 1,000,000'
const recovered = 'A server is started on its folder'

// Ratios within one run say more than figures of one machine: those have more slack.
export const promises: Promised[] = [
  ...calls.map(row => ratio('calls', one, row, { atMost: 1.15, slack: 0.1 })),
  ...calls.map(row => ratio('calls', one, `${row}, 100,000 keys`, { to: row, atMost: 1.2, slack: 0.1 })),
  median('calls', many, 'set', { atLeast: 400_000, slack: 0.3 }),
  median('calls', many, 'get', { atLeast: 400_000, slack: 0.3 }),
  median('calls', many, 'atomic', { atLeast: 200_000, slack: 0.3 }),
  ...calls.map(row =>
    ratio('calls', many, `${row}, 100,000 keys`, { to: row, atLeast: 1 / 1.2, slack: 0.1 }),
  ),

  ...calls.map(row =>
    ratio('inspected', '500 calls in flight, an inspector open', `${row}, inspected`, {
      to: row,
      atLeast: 0.9,
      slack: 0.05,
    }),
  ),
  ...[...calls, 'atomic with an argument'].map(row =>
    ratio('tracing', `500 calls of ${row} in flight, nothing subscribes`, row, {
      atMost: 1.02,
      slack: 0.02,
    }),
  ),

  ratio('durable', 'One set at a time', 'durable set', { atMost: 1.35, slack: 0.1 }),
  median('durable', 'Four processes, 100 calls in flight each', 'durable', { atLeast: 100_000, slack: 0.3 }),
  ratio('durable', 'Four processes, 100 calls in flight each', 'durable', { atLeast: 0.6, slack: 0.1 }),
  median('durable', recovered, '1,000,000 small commits', { atMost: 2000, slack: 0.3 }),
  median('durable', recovered, '1,000,000 keys', { atMost: 3000, slack: 0.3 }),
  median(
    'durable',
    'The longest of a thousand gets (p99.9) beside a writer, 1,000,000 keys',
    'with a checkpoint',
    {
      atMost: 20,
      slack: 0.3,
    },
  ),

  median('contended', counter, 'zproc, 10 keys', { atLeast: 300_000, slack: 0.3 }),
  ratio('contended', counter, 'zproc, 100,000 keys', { atLeast: 1 / 1.2, slack: 0.1 }),
  ...['Redis, ioredis', 'Redis, node-redis'].map(to =>
    ratio('contended', counter, 'zproc, 10 keys', { to, atLeast: 3, slack: 0.15, peer: to }),
  ),

  ratio('redis', 'Four processes, a key each, 20 calls in flight', 'increments of zproc', {
    atLeast: 0.6,
    slack: 0.15,
  }),
  median('redis', `${few}: its first call`, 'an atomic function', { atMost: 50, slack: 0.3 }),
  median('redis', `${few}: its memory`, 'an atomic function', { atMost: 100, slack: 0.1 }),
  ratio('limiter', 'Requests to four HTTP processes', 'Redis', {
    atLeast: 0.6,
    slack: 0.15,
    peer: 'autocannon',
  }),

  ...['cut', 'away for 100 ms', 'away for 3000 ms'].map(row =>
    median('reconnect', 'The first request, from the cut, or from the listener being back', row, {
      atMost: 50,
      slack: 0,
    }),
  ),
  ratio('slow-reader', 'From a write to its being seen, p99', '50 do not read', { atMost: 1.5, slack: 0.2 }),

  ratio('ping-pong', 'There and back through watchers', 'ping-pong', { atMost: 2.2, slack: 0.15 }),
  ratio('processor-time', 'Processor time of all processes, on one core', 'ping-pong through getWhenEqual', {
    atMost: 3.3,
    slack: 0.1,
  }),
  ratio('processor-time', 'Processor time of all processes, on one core', 'set that one process watches', {
    atMost: 1.7,
    slack: 0.1,
  }),
  median('fan-out', '500 writes to 1,000 watchers, 100 connections', 'zproc', {
    atLeast: 500_000,
    slack: 0.3,
  }),
  median('watchers', 'Reading a view', 'view.get', { atMost: 1000, slack: 0 }),
  median('watchers', 'After 1,000,000 commits on 100 keys', "the server's memory", {
    atMost: 300,
    slack: 0,
  }),

  ...calls.map(call =>
    ratio('state-size', `One ${call} at a time, by size`, '1,000,000 keys', { atMost: 1.1, slack: 0.1 }),
  ),
  ...calls.map(call =>
    ratio('state-size', `500 calls of ${call} in flight, the same ten keys, by size`, '1,000,000 keys', {
      atLeast: 0.9,
      slack: 0.1,
    }),
  ),
  ratio('memory', keys, 'a namespace, key by key', { atMost: 2.5, slack: 0 }),
  ratio('memory', keys, 'a namespace, by updates of 1,000 keys', { atMost: 2.5, slack: 0 }),

  ...['plain JavaScript', 'under tsx'].map(how =>
    median('shipping', firsts, `the first, when the Context is ready, ${how}`, { atMost: 5, slack: 0.3 }),
  ),
  median('shipping', 'Making a function ready to be sent', 'again, unchanged', { atMost: 50, slack: 0.3 }),

  ...['a process, a spare standing ready', 'the same, with a State'].map(row =>
    median('process', 'From a start to the first line of the target', row, { atMost: 5, slack: 0.3 }),
  ),
  ratio('process', '50 at once, from the first start to the last end', 'processes of zproc', {
    atMost: 1.25,
    slack: 0.1,
  }),

  ratio('map', million, 'piscina, two hand-made chunks', { atLeast: 2, slack: 0.15, peer: 'piscina' }),
  ratio('map', million, 'processMap, plain call', {
    to: 'packing, sending, unpacking both ways, one process',
    atMost: 2,
    slack: 0.15,
  }),
  ratio('map', '1,000,000 × a number thrice, 2 workers', 'x => x * factor, a closure', {
    atMost: 1,
    slack: 0.1,
  }),
  ...['piscina', 'tinypool', 'workerpool'].map(peer =>
    ratio('map', tiny, peer === 'workerpool' ? 'workerpool.exec' : `${peer}.run`, {
      atLeast: 20,
      slack: 0.15,
      peer,
    }),
  ),
  ...['piscina', 'tinypool', 'workerpool'].map(peer =>
    ratio(
      'map',
      '50,000 calls in flight, 2 workers',
      peer === 'workerpool' ? 'workerpool.exec' : `${peer}.run`,
      {
        atLeast: 1,
        slack: 0.15,
        peer,
      },
    ),
  ),
  ratio('map', 'One call at a time', "piscina.run, atomics: 'disabled'", {
    atLeast: 1,
    slack: 0.1,
    peer: 'piscina',
  }),
  ratio('map', 'One call at a time', 'piscina.run', { atLeast: 1, slack: 0.1, peer: 'piscina' }),
  ratio('map', '400 items that wait for 20 ms, four of them for 2 s, 4 workers', 'processMap', {
    atMost: 1.1,
    slack: 0.05,
  }),
  ...['workers that joined, a zproc server', 'workers that joined, Redis'].flatMap(row =>
    ['wait', 'compute'].map(what =>
      ratio('shared', `1,000 items that ${what} for 5 ms, 2 workers`, row, { atMost: 1.15, slack: 0.05 }),
    ),
  ),
  ratio('redis', 'One call at a time', 'state.set', { atMost: 1.25, slack: 0.1 }),
  ratio('redis', many, 'state.set', { atLeast: 0.6, slack: 0.1 }),
  ratio('redis', 'From a write to the watcher, with one more round trip for each', 'set → getWhenEqual', {
    atMost: 2,
    slack: 0.1,
  }),
  ...['set', 'atomic'].map(call =>
    ratio('redis', 'By the size of the state', `${call}, 100000 keys`, {
      to: `${call}, 10 keys`,
      atMost: 1.2,
      slack: 0.1,
    }),
  ),
  median('redis', counter, 'increments of zproc', { atLeast: 3000, slack: 0.3 }),
  median('redis', `${counter}: the slowest, of the fastest`, 'increments of zproc', {
    atLeast: 0.5,
    slack: 0,
  }),

  ratio('map', '100 items that compute for 1–20 ms, 2 workers', 'processMap', { atMost: 1.08, slack: 0.05 }),
  median('map', 'The first result of 10 × 100 ms, 2 workers', 'processMap', { atMost: 115, slack: 0.1 }),

  ...['ipc', 'tcp'].flatMap(where => [
    ratio('tls', `A secret key over ${where}: one call at a time`, 'with a key', { atMost: 1.7, slack: 0.1 }),
    ratio('tls', `A secret key over ${where}: 500 calls in flight`, 'with a key', {
      atLeast: 0.6,
      slack: 0.1,
    }),
  ]),
  ...['250 messages', '10 connections', '2 handshakes'].map(what =>
    ratio('hostile', `A client's calls beside ${what} of others each 20 ms`, 'hostile ones', {
      atLeast: 0.8,
      slack: 0.1,
    }),
  ),
]

export interface Verdict {
  promise: Promised
  figure: number | undefined
  verdict: 'kept' | 'within slack' | 'broken' | 'not measured'
}

/** What became of each promise in a run. */
export function judge(tables: Table[], all: Promised[] = promises): Verdict[] {
  return all.map(promise => {
    const figure = measured(tables, promise)
    if (figure === undefined || Number.isNaN(figure)) return { promise, figure, verdict: 'not measured' }
    const { atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY, slack } = promise
    if (figure <= atMost && figure >= atLeast) return { promise, figure, verdict: 'kept' }
    const near = figure <= atMost * (1 + slack) && figure >= atLeast * (1 - slack)
    return { promise, figure, verdict: near ? 'within slack' : 'broken' }
  })
}

/** Whether it makes a check fail: what is not measured has lost its table, unless a peer may be missing. */
export function isBroken({ verdict, promise }: Verdict): boolean {
  return verdict === 'broken' || (verdict === 'not measured' && promise.peer === undefined)
}

function measured(tables: Table[], { file, title, row, of, to }: Promised): number | undefined {
  const rows = tables.find(table => table.file === file && table.title === title)?.rows
  const found = rows?.find(({ name }) => name === row)
  if (to === undefined || of === 'median') return found?.[of]
  const base = rows?.find(({ name }) => name === to)
  return found && base && pairwise(found.samples, base.samples)
}
