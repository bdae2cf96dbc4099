import { revive } from '../shipping/revive.ts'
import type { AnyFunction } from '../shipping/shipment.ts'

/**
 * A target, or any function that a process was sent. What it needs is read from its own table of parts: the module that
 * makes atomic functions is large, so it is loaded for targets that hold one.
 */
export const reviveTarget = (bytes: Uint8Array): Promise<AnyFunction> =>
  revive(bytes, { atomic: async () => (await import('../client/atomic.ts')).atomic })
