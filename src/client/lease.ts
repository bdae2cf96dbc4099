import type { LeaseInfo, WireLease } from '../protocol/messages.ts'
import { checkOptions } from '../protocol/options.ts'
import { describe } from '../protocol/values.ts'
import type { Finish } from '../store/store.ts'
import type { Lease } from './types.ts'

/** The options of `set` and `setDefault` as they travel; undefined: the key is tied to nothing. */
export function wireLease(options: unknown, call: string): WireLease | undefined {
  checkOptions(options, call)
  const { ephemeral = false, ttl = Number.POSITIVE_INFINITY }: { ephemeral?: unknown; ttl?: unknown } =
    options
  if (typeof ephemeral !== 'boolean')
    throw new TypeError(`${call}: ephemeral must be true or false, got ${describe(ephemeral)}`)
  if (typeof ttl !== 'number' || Number.isNaN(ttl))
    throw new TypeError(`${call}: ttl must be a number of milliseconds, got ${describe(ttl)}`)
  if (ttl <= 0)
    throw new RangeError(
      `${call}: ttl must be more than 0 milliseconds, got ${ttl}; to end a key at once, delete it`,
    )
  const ends = ttl !== Number.POSITIVE_INFINITY
  return ephemeral || ends ? [ephemeral, ends ? ttl : null] : undefined
}

export const leaseFromWire: Finish = message => {
  const info = (message as [number, number, LeaseInfo | null])[2]
  if (info === null) return null
  const [pid, name, ephemeral, expires] = info
  return {
    by: { pid, name },
    ephemeral,
    expires: expires === null ? null : new Date(expires),
  } satisfies Lease
}
