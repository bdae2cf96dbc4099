import type { LeaseInfo, WireLease } from '../protocol/messages.ts'
import { readOptions } from '../protocol/options.ts'
import type { Finish } from '../store/store.ts'
import { type SetOptions, setFields } from './options.ts'
import type { Lease } from './types.ts'

/** The options of `set` and `setDefault` as they travel; undefined: the key is tied to nothing. */
export function wireLease(options: SetOptions, call: string): WireLease | undefined {
  const { ephemeral = false, ttl = Number.POSITIVE_INFINITY } = readOptions(setFields, options, call)
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
