import type { Call, Json } from './calls.ts'
import { type Random, random } from './random.ts'
import type { Watch } from './records.ts'

// What a client does, drawn from a seed. Nothing here depends on what happens: a seed is one workload.

/** What a client watches, besides its calls. */
export type Watching =
  | { kind: 'nothing' }
  | { kind: 'loop'; watch: Watch }
  | { kind: 'once'; watches: { watch: Watch; timeout?: number; goLive: boolean }[] }

export interface Workload {
  name: string
  /** Calls that are made together; the next are made when these are answered. */
  rounds: Call[][]
  watching: Watching
  /** It begins to watch when its calls are done: all that happened since it began is still to come. */
  late: boolean
  /** One that is late has watched a little when its calls began: from then on it can miss some. */
  hasWatched?: boolean
  view: boolean
}

export interface Kinds {
  /** How many of a hundred calls are of an `async` atomic function. */
  async: number
  /** Whether plain ones may be called before the one before is answered. */
  together: boolean
}

/** A client that makes about `calls` calls. */
export function workload(name: string, calls: number, kinds: Kinds, seed: number): Workload {
  const pick = random(seed)
  const rounds: Call[][] = []
  for (let made = 0; made < calls; ) {
    const size = pick.chance(0.4) ? 2 + pick.below(4) : 1
    const round: Call[] = []
    for (let i = 0; i < size; i++) {
      const call = callOf(pick, `${name}/${made + i}`, kinds)
      // A call that holds the namespace comes behind all that was asked for meanwhile.
      if (call.kind === 'addAsync' || (!kinds.together && isAtomic(call))) {
        if (i === 0) round.push(call)
        break
      }
      round.push(call)
    }
    if (round.length === 0) round.push({ kind: 'copy' })
    rounds.push(round)
    made += round.length
  }
  return { name, rounds, watching: watchingOf(pick, calls), late: pick.chance(0.25), view: pick.chance(0.3) }
}

const registers = ['r0', 'r1', 'r2', 'r3']
const counters = ['c0', 'c1']
const isAtomic = ({ kind }: Call): boolean => kind.startsWith('add') || kind === 'move'

function callOf(pick: Random, tag: string, { async }: Kinds): Call {
  const key = pick.pick(registers)
  const counter = pick.pick(counters)
  const step = 1 + pick.below(9)
  const kind = pick.weighed({
    get: 12,
    count: 6,
    has: 3,
    set: 16,
    flag: 6,
    setDefault: 6,
    pop: 6,
    delete: 5,
    update: 5,
    replace: 1.5,
    clear: 1.5,
    popItem: 4,
    copy: 6,
    items: 2,
    keys: 2,
    size: 2,
    add: 12,
    addAsync: async,
    addAndThrow: 2,
    move: 4,
  })
  switch (kind) {
    case 'count':
      return { kind: 'get', key: counter }
    case 'get':
    case 'has':
    case 'pop':
    case 'delete':
      return { kind, key }
    case 'flag':
      return { kind: 'set', key: 'flag', value: pick.pick([null, 0, 1, 2, 2]) }
    case 'set':
    case 'setDefault':
      return { kind, key, value: drawValue(pick, tag) }
    case 'update':
    case 'replace': {
      const keys = registers.filter(() => pick.chance(0.5))
      return { kind, entries: Object.fromEntries(keys.map(key => [key, drawValue(pick, `${tag}.${key}`)])) }
    }
    case 'add':
    case 'addAsync':
    case 'addAndThrow':
      return { kind, key: counter, step, tag }
    case 'move':
      return { kind, from: counter, to: counters.find(key => key !== counter) as string, tag }
    default:
      return { kind }
  }
}

/** A value that nobody else writes. */
function drawValue(pick: Random, tag: string): Json {
  if (pick.chance(0.6)) return tag
  return {
    tag,
    list: Array.from({ length: pick.below(6) }, (_, i) => ({ i })),
    of: 'x'.repeat(pick.below(100)),
  }
}

function watchingOf(pick: Random, calls: number): Watching {
  const kind = pick.weighed({
    raw: calls === 0 ? 4 : 1,
    loop: 3,
    once: 3,
    live: 1.5,
    nothing: calls === 0 ? 0 : 4,
  })
  if (kind === 'nothing') return { kind }
  if (kind === 'raw') return { kind: 'loop', watch: rawWatch(pick.chance(0.5)) }
  if (kind === 'loop') return { kind: 'loop', watch: watchOf(pick, false) }
  if (kind === 'live' && pick.chance(0.5)) return { kind: 'loop', watch: watchOf(pick, true) }
  const watches = Array.from({ length: 400 }, () => {
    const live = kind === 'live' || pick.chance(0.15)
    return {
      watch: watchOf(pick, live),
      timeout: pick.chance(0.1) ? 1 + pick.below(4) : undefined,
      goLive: !live && pick.chance(0.05),
    }
  })
  return { kind: 'once', watches }
}

const rawWatch = (duplicateOkay: boolean): Watch => ({ kind: 'raw', keys: [], live: false, duplicateOkay })

function watchOf(pick: Random, live: boolean): Watch {
  const kind = pick.weighed({
    raw: 3,
    change: 6,
    when: 1,
    equal: 1,
    notEqual: 1,
    none: 1,
    notNone: 1,
    available: 1,
  })
  const duplicateOkay = pick.chance(0.2)
  const own = pick.chance(0.2)
  if (kind === 'raw') return { ...rawWatch(duplicateOkay), live, own }
  if (kind !== 'change') return { kind, keys: ['flag'], value: kind === 'equal' ? 1 : 0, live, duplicateOkay }
  const keys = pick.chance(0.5) ? [] : [...registers, 'flag'].filter(() => pick.chance(0.5))
  // Which keys an update wrote without changing them, the log does not tell.
  return {
    kind,
    keys,
    exclude: keys.length > 0 && pick.chance(0.3),
    live,
    own,
    duplicateOkay: duplicateOkay && keys.length === 0,
  }
}

/** What the director writes last, so that every watcher has something to end with. */
export const ending: Record<string, Json>[] = [
  { end: 1, flag: 1, ...Object.fromEntries(registers.map(key => [key, 'end'])) },
  { end: 2, flag: null },
]
