import { revive } from '../../../src/shipping/revive.ts'

process.on('message', async ({ bytes }: { bytes: Uint8Array }) => {
  try {
    const fn = await revive(bytes)
    process.send?.({ value: await fn() })
  } catch (error) {
    process.send?.({ error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) })
  }
})
