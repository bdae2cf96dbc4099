// The other side: revives what it is sent, calls it, and tells what came out.
import { reviveAtomic, runWithin } from '../../../src/shipping/atomic.ts'
import { revive } from '../../../src/shipping/revive.ts'

const wrappers = { atomic: async () => (inner: unknown) => Object.assign(async () => {}, { inner }) }

process.on('message', async ({ bytes, atomic }: { bytes: Uint8Array; atomic: boolean }) => {
  try {
    const fn = await (atomic ? reviveAtomic(bytes) : revive(bytes, wrappers))
    const value: unknown = await (atomic ? runWithin(1000, () => fn({ n: 1 }, 2)) : fn())
    process.send?.({ value })
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.stack : String(error) })
  }
})
