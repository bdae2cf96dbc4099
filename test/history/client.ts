import {
  type AnyState,
  AtomicTimeoutError,
  AuthenticationError,
  ConnectionError,
  State,
  type StateView,
  type ZprocError,
} from 'zproc'
import { type Call, perform, showState } from './calls.ts'
import { type CallRecord, type EndRecord, now, type Recorder } from './records.ts'
import { watchOn } from './watcher.ts'
import type { Watching, Workload } from './workload.ts'

/** Where a client finds its namespace. */
export interface Place {
  address: string
  namespace: string
  secretKey?: string
  connectTimeout?: number
}

/** A State of a client's. Whoever loses one goes on with another, which has another name. */
export interface Life {
  name: string
  state: State<AnyState>
  view?: StateView<AnyState>
  record: Recorder
  /** The number of the next thing that is recorded. */
  number(): number
}

/** What those who wait for a client hear of it. */
export interface Progress {
  /** All its calls are made; it may still be watching. */
  called(): void
  /** The history was given up. */
  isOver(): boolean
}

// Live, and it holds at once: nothing reads on for it meanwhile.
const standing: Watching = {
  kind: 'once',
  watches: [
    {
      watch: { kind: 'notEqual', keys: ['flag'], value: 'never', live: true, duplicateOkay: false },
      goLive: false,
    },
  ],
}

/** Makes a client's calls, and watches, until it has seen how the history ends. */
export async function runClient(
  workload: Workload,
  place: Place,
  record: Recorder,
  progress: Progress,
): Promise<void> {
  const closing: Promise<void>[] = []
  let lives = 0
  /** The next State; undefined when the history has ended. */
  const live = async (): Promise<Life | undefined> => {
    while (!progress.isOver()) {
      const life = begin(`${workload.name}.${++lives}`, place, record)
      const open = await started(life, workload.view)
      if (open === 'begun') return life
      closing.push(life.state.close())
      if (open === 'ended') return undefined
    }
    return undefined
  }
  if (workload.rounds.length === 0) {
    progress.called()
    for (let life = await live(); life; ) {
      const watched = await watchOn(life, workload.watching, progress.isOver)
      closing.push(watched === 'lost' ? life.state.close() : leave(life))
      life = watched === 'lost' ? await live() : undefined
    }
  } else {
    const watching: Promise<unknown>[] = []
    const watch = (life: Life | undefined) =>
      life && watching.push(watchOn(life, workload.watching, progress.isOver))
    let life = await live()
    if (!workload.late) watch(life)
    else if (life && workload.hasWatched) {
      let steps = 0
      await watchOn(life, standing, () => steps++ > 2)
    }
    for (const round of workload.rounds) {
      if (!life) break
      if ((await callAll(life, round)) === 'answered') continue
      closing.push(life.state.close())
      life = await live()
      if (!workload.late) watch(life)
    }
    progress.called()
    if (workload.late) watch(life)
    await Promise.all(watching)
    if (life) closing.push(leave(life))
  }
  await Promise.all(closing)
}

function begin(
  name: string,
  { address, namespace, secretKey, connectTimeout }: Place,
  record: Recorder,
): Life {
  let number = 0
  // The name is what tells the commits of States apart: the context gives one to each process.
  const state = new State<AnyState>(address, { namespace, secretKey, connectTimeout }, { name })
  return { name, state, record, number: () => number++ }
}

async function started(life: Life, view: boolean): Promise<'begun' | 'ended' | 'lost'> {
  const { name: by, state, record } = life
  const entry = { type: 'start' as const, by, number: life.number(), invoked: now() }
  record(entry)
  try {
    // It has begun when this is answered. Who begins before the end will see the end as an update.
    if (await state.has('end')) return 'ended'
    record({ ...entry, returned: now() })
    if (view) life.view = await state.view()
    return 'begun'
  } catch (error) {
    if (isLost(error)) return 'lost'
    throw error
  }
}

/** Closes the State under watchers that wait for what never comes: some of them have begun by then, others have not. */
async function leave({ name: by, state, record, number }: Life): Promise<void> {
  const entry: EndRecord = { type: 'end', by, number: number(), invoked: now() }
  record(entry)
  const buffered = state.whenEqual('flag', 'never').next()
  const live = state.whenEqual('flag', 'never', { live: true }).next()
  const once = state.getWhenEqual('flag', 'never')
  const ends = Promise.all([buffered, live, once].map(endOf))
  if (entry.number % 2 === 0) await state.size().catch(() => {})
  const closed = state.close()
  ;[entry.buffered, entry.live, entry.once] = await ends
  entry.returned = now()
  record(entry)
  await closed
}

const endOf = (wait: Promise<unknown>): Promise<string> =>
  wait.then(
    came => (Object(came).done === true ? 'done' : 'a value'),
    error => (error as ZprocError).code ?? String(error),
  )

// A connection that is cut before the server has greeted looks like one that a server with another key has ended.
const isLost = (error: unknown): boolean =>
  error instanceof ConnectionError || error instanceof AuthenticationError

/** Makes calls at once; 'lost': one of them got no answer, and so will no other. */
async function callAll(life: Life, calls: readonly Call[]): Promise<'answered' | 'lost'> {
  const { state, name: by, record, view } = life
  const outcomes = await Promise.all(
    calls.map(async call => {
      const entry: CallRecord = { type: 'call', by, number: life.number(), call, invoked: now() }
      record(entry)
      try {
        entry.result = await perform(state, call)
      } catch (error) {
        const { code, message } = error as ZprocError
        entry.error = `${code ?? 'NO_CODE'} ${message}`
        entry.failed = error instanceof ConnectionError ? error.outcome : 'none'
        if (!(error instanceof ConnectionError || error instanceof AtomicTimeoutError))
          entry.error = `UNEXPECTED ${String((error as Error).stack)}`
      }
      entry.returned = now()
      record(entry)
      return entry.error?.startsWith('ZPROC_CONNECTION') === true
    }),
  )
  if (outcomes.includes(true)) return 'lost'
  if (view) {
    const { revision, snapshot } = view
    record({ type: 'view', by, number: life.number(), invoked: now(), revision, state: showState(snapshot) })
  }
  return 'answered'
}
