import { deferred } from '../async/deferred.ts'
import { Reader } from '../client/reader.ts'
import { linkOf, type State } from '../client/state.ts'
import type { AnyState } from '../client/types.ts'
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
  const tell = (key: string) => {
    if (reader.values.has(key)) events.written(key, fromWire(reader.values.get(key)))
    else events.taken?.(key)
  }
  const begun = deferred<void>()
  let stands = false
  const lost = (error: Error) => {
    begun.reject(error)
    if (stands) events.lost(error)
  }
  const reader: Reader = new Reader(link, -1, {
    follower: {
      passed: update => {
        if (!update.commit) events.missed()
        for (const key of update.commit ? update.keys() : reader.values.keys()) tell(key)
      },
      stands: () => {
        if (stands) return
        stands = true
        for (const key of reader.values.keys()) tell(key)
        begun.resolve()
      },
      // It goes on when a server answers again.
      failed: begun.reject,
      lost,
    },
  })
  await begun.promise
  return () => reader.close()
}
