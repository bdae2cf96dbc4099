import {
  type AnyState,
  ConnectionError,
  MissedUpdatesError,
  type RawUpdate,
  type Snapshot,
  type State,
  TimeoutError,
  type WatchOptions,
} from 'zproc'
import { showState } from './calls.ts'
import type { Life } from './client.ts'
import { isCondition, now, type Watch, type WatchRecord } from './records.ts'
import { isFlagged } from './watched.ts'
import type { Watching } from './workload.ts'

// One that goes live may miss the end of the history, and looks for it when nothing came for so long, milliseconds.
const LIVE_TIMEOUT = 15

/** Whether a live loop ends at the end of each history, by what that writes last: it is to need no time limit. */
const comesToTheEnd = ({ kind, live }: Watch): boolean => live && kind !== 'equal' && kind !== 'notNone'

/** Watches with one State until the history has ended, or the State is lost. */
export async function watchOn(
  life: Life,
  watching: Watching,
  isOver: () => boolean,
): Promise<'ended' | 'lost'> {
  let iterator: AsyncIterator<Seen> | undefined
  for (let i = 0; watching.kind !== 'nothing' && !isOver(); i++) {
    const { watch, ...more } =
      watching.kind === 'loop' ? watching : watching.watches[i % watching.watches.length]!
    const { timeout, goLive } = more as { timeout?: number; goLive?: boolean }
    const entry: WatchRecord = { type: 'watch', by: life.name, number: life.number(), watch, invoked: now() }
    if (watching.kind === 'loop') entry.loop = iterator ? 'next' : 'first'
    if (goLive) {
      life.state.goLive()
      entry.wentLive = true
    }
    life.record(entry)
    const mayMissTheEnd = goLive || (watch.live && !(entry.loop && comesToTheEnd(watch)))
    const options = { timeout: mayMissTheEnd ? LIVE_TIMEOUT : timeout }
    try {
      let seen: Seen
      if (watching.kind === 'loop') {
        iterator ??= loop(life.state, watch, options)
        const step = await stepOf(iterator, entry, life.state)
        if (step.done) {
          entry.late = true
          return 'ended'
        }
        seen = step.value
      } else seen = await once(life.state, watch, options)
      entry.seen = watch.kind === 'raw' ? rawOf(seen as RawUpdate<AnyState>) : { state: showState(seen) }
      if (stateOf(seen, watch).end !== undefined) return 'ended'
    } catch (error) {
      iterator = undefined
      if (error instanceof MissedUpdatesError) entry.missed = [error.from, error.to]
      else if (error instanceof TimeoutError) entry.late = true
      else {
        entry.error = error instanceof ConnectionError ? error.code : `UNEXPECTED ${(error as Error).stack}`
        return 'lost'
      }
    } finally {
      entry.returned = now()
      life.record(entry)
    }
    if (entry.late && (await hasEnded(life.state))) return 'ended'
  }
  return 'ended'
}

type Seen = Snapshot<AnyState> | RawUpdate<AnyState>

const stateOf = (seen: Seen, { kind }: Watch): Snapshot<AnyState> =>
  kind === 'raw' ? (seen as RawUpdate<AnyState>).after : seen

/** The next step of a loop; none if it is a live loop of changes that began when the history had ended. */
async function stepOf(iterator: AsyncIterator<Seen>, { loop, watch }: WatchRecord, state: State<AnyState>) {
  const step = iterator.next()
  if (loop !== 'first' || !watch.live || isCondition(watch)) return step
  step.catch(() => {})
  // This is asked behind where the loop begins.
  if (await hasEnded(state)) await iterator.return?.()
  return step
}

async function hasEnded(state: State<AnyState>): Promise<boolean> {
  try {
    return await state.has('end')
  } catch (error) {
    if (error instanceof ConnectionError) return false
    throw error
  }
}

function rawOf({ before, after, identical, revision, by }: RawUpdate<AnyState>): WatchRecord['seen'] {
  const { name, method, time } = by
  return {
    state: showState(after),
    raw: { revision, name, method, time, identical, before: showState(before) },
  }
}

function once(state: State<AnyState>, watch: Watch, more: WatchOptions): Promise<Seen> {
  const { kind, keys, exclude, value, live, duplicateOkay, own } = watch
  const options = { ...more, live, duplicateOkay, own }
  const key = keys[0] as string
  switch (kind) {
    case 'raw':
      return state.getRawUpdate(options)
    case 'change':
      return state.getWhenChange(...keys, { ...options, exclude })
    case 'when':
      return state.getWhen(isFlagged, options)
    case 'equal':
      return state.getWhenEqual(key, value, options)
    case 'notEqual':
      return state.getWhenNotEqual(key, value, options)
    case 'none':
      return state.getWhenNone(key, options)
    case 'notNone':
      return state.getWhenNotNone(key, options)
    case 'available':
      return state.getWhenAvailable(key, options)
  }
}

function loop(state: State<AnyState>, watch: Watch, more: WatchOptions): AsyncIterator<Seen> {
  const { kind, keys, exclude, value, live, duplicateOkay, own } = watch
  const options = { ...more, live, duplicateOkay, own }
  const key = keys[0] as string
  switch (kind) {
    case 'raw':
      return state.rawUpdates(options)
    case 'change':
      return state.whenChange(...keys, { ...options, exclude })
    case 'when':
      return state.when(isFlagged, options)
    case 'equal':
      return state.whenEqual(key, value, options)
    case 'notEqual':
      return state.whenNotEqual(key, value, options)
    case 'none':
      return state.whenNone(key, options)
    case 'notNone':
      return state.whenNotNone(key, options)
    case 'available':
      return state.whenAvailable(key, options)
  }
}
