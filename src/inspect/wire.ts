import { Packed, type Wire } from '../protocol/values.ts'

/** The value, if it is still encoded and has more than `bytes`: to decode it would take long. */
export const largeOf = (wire: Wire, bytes: number): Packed | undefined =>
  wire instanceof Packed && wire.cameEncoded && wire.weight > bytes ? wire : undefined

/** `1,234 KiB`. */
export const sizeTold = ({ weight }: Packed): string =>
  `${Math.round(weight / 1024).toLocaleString('en-US')} KiB`

/** The value, which nothing is to keep or change: a tree goes on being changed in place. */
export function readOnly(wire: Wire): unknown {
  if (!(wire instanceof Packed)) return wire
  return wire.isTree ? wire.tree().settled() : wire.shared()
}
