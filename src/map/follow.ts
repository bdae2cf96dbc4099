import { Reader } from '../client/reader.ts'
import { linkOf, type State } from '../client/state.ts'
import type { AnyState } from '../client/types.ts'
import { MissedUpdatesError } from '../errors.ts'
import { fromWire } from '../protocol/values.ts'

export interface FollowEvents {
  /** A commit wrote it, or took it away. */
  written(key: string, value: unknown): void
  taken?(key: string): void
  /** Commits were not kept until they were read: what follows is told from now on. */
  missed(): void
  lost(error: Error): void
}

/**
 * Tells of each commit from now on, and at first of what is there. It keeps no program alive, and makes no snapshots.
 * Resolves when it stands, with the function that ends it.
 */
export async function follow(state: State<AnyState>, events: FollowEvents): Promise<() => void> {
  const link = linkOf(state as unknown as State<object>, 'processMap')
  await link.start
  let reader = await begin()
  const arrived = () => {
    for (let update = reader.take(false); update; update = reader.take(false))
      for (const key of update.keys()) tell(key)
    if (reader.error instanceof MissedUpdatesError) {
      events.missed()
      begin().then(show, events.lost)
    } else if (reader.error) events.lost(reader.error)
  }
  const tell = (key: string) => {
    if (reader.values.has(key)) events.written(key, fromWire(reader.values.get(key)))
    else events.taken?.(key)
  }
  const show = (next: Reader) => {
    reader = next
    for (const key of reader.values.keys()) tell(key)
    reader.onArrival = arrived
    arrived()
  }
  show(reader)
  return () => {
    reader.onArrival = undefined
    reader.close()
  }

  function begin(): Promise<Reader> {
    const reader = new Reader(link, -1)
    return new Promise((resolve, reject) => {
      const isThere = () => {
        resolve(reader)
        return true
      }
      reader.wait({ begin: isThere, offer: isThere, fail: reject })
    })
  }
}
