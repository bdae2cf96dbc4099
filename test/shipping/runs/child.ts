import { reviveTarget as revive } from '../../../src/process/target.ts'

process.on('message', async ({ bytes }: { bytes: Uint8Array }) => {
  try {
    const fn = await revive(bytes)
    process.send?.({ value: await fn() })
  } catch (error) {
    process.send?.({ error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) })
  }
})
