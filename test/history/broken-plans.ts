import type { Call } from './calls.ts'
import type { Lie } from './lie.ts'
import type { Watch } from './records.ts'
import { type Plan, planOf, type Stage } from './run.ts'
import type { Watching, Workload } from './workload.ts'

/** A workload that gives the lie its chance: somebody must do what it is about. */
export function planFor(lie: Lie, seed: number, stage: Stage): Plan {
  const plan = planOf(seed, stage, lie === 'lets writers in during a hold' ? { async: 20 } : {})
  const watched = watchedFor(lie)
  const workloads = plan.workloads.map((workload, i): Workload => {
    const { name, rounds } = workload
    const more = rounds.flatMap((round, at) =>
      at % 8 === 0 ? [round, ...together(`${name}/more${at}`)] : [round],
    )
    const isCaller = rounds.length > 0
    const { watching = nothing, late = false, hasWatched = false } = watched({ isCaller, i })
    // Of the lies about own writes some need that there are no others.
    const calls = alone.includes(lie) && i > 0 ? [] : more
    const view = lie === 'lets a view lag behind an own write'
    return { ...workload, rounds: calls, watching, late, hasWatched, view }
  })
  return { ...plan, workloads, faults: [] }
}

/** The lies that are told of one client, whose writes are the only ones. */
const alone: Lie[] = [
  'counts an own write in a live loop',
  'takes a jump over own writes for an update',
  'names own writes as missed',
]

type Watched = Partial<Pick<Workload, 'watching' | 'late' | 'hasWatched'>>
type Client = { isCaller: boolean; i: number }

const raw: Watch = { kind: 'raw', keys: [], live: false, duplicateOkay: true }
const change: Watch = { kind: 'change', keys: [], live: false, duplicateOkay: false }
const always: Watch = { kind: 'notEqual', keys: ['flag'], value: 'never', live: false, duplicateOkay: false }
const nothing: Watching = { kind: 'nothing' }
const rawLoop: Watching = { kind: 'loop', watch: raw }
const liveLoop: Watching = { kind: 'loop', watch: { ...always, live: true } }
const liveChanges: Watching = { kind: 'loop', watch: { ...change, live: true } }
const once = (...watches: Watch[]): Watching => ({
  kind: 'once',
  watches: watches.map(watch => ({ watch, goLive: false })),
})

/** Who watches what, for this lie. */
function watchedFor(lie: Lie): (client: Client) => Watched {
  switch (lie) {
    case 'passes on own writes':
      return () => ({ watching: rawLoop })
    case 'goes back':
      return () => ({ watching: once({ ...always, live: true }) })
    case 'names a wrong gap':
    case 'skips a gap in silence':
    case 'names own writes as missed':
      return ({ isCaller, i }) =>
        i === 0
          ? { watching: rawLoop, late: true, hasWatched: true }
          : { watching: isCaller ? nothing : rawLoop }
    case 'names a gap before the first watch':
      return ({ isCaller, i }) =>
        i === 0 ? { watching: rawLoop, late: true } : { watching: isCaller ? nothing : rawLoop }
    case 'tests a condition without an own write':
      return ({ isCaller }) =>
        isCaller ? { watching: once(always, raw), late: true } : { watching: rawLoop }
    case 'leaves out own writes that were asked for':
      return () => ({ watching: { kind: 'loop', watch: { ...raw, own: true } } })
    case 'counts an own write in a live loop':
    case 'takes a jump over own writes for an update':
      return ({ i }) => ({ watching: i === 0 ? liveChanges : nothing })
    case 'ends a live loop before the last state':
    case 'shows a live loop an old state':
    case 'repeats a step of a live loop':
      return ({ isCaller }) => ({ watching: isCaller ? nothing : liveLoop })
    case 'forgets what live watchers handed out':
      return ({ isCaller }) => {
        const live = { ...always, live: true }
        return { watching: isCaller ? nothing : once(live, raw) }
      }
    default:
      return ({ isCaller }) => ({ watching: isCaller ? nothing : rawLoop })
  }
}

/** Two writes that are told of together, and one of two keys. */
const together = (tag: string): Call[][] => [
  ['r0', 'r1'].map(key => ({ kind: 'set', key, value: `${tag}.${key}` })),
  [{ kind: 'update', entries: { r2: `${tag}.r2`, r3: `${tag}.r3` } }],
]
