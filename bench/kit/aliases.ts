import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * States of one address share a connection. So that one process can have many, as many processes would, a server's
 * socket gets many names: each is an address of its own.
 */
export function aliases(address: string, count: number): { addresses: string[]; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'zb-'))
  const addresses = Array.from({ length: count }, (_, i) => {
    const path = join(folder, String(i))
    symlinkSync(address.slice('ipc://'.length), path)
    return `ipc://${path}`
  })
  return { addresses, remove: () => rmSync(folder, { recursive: true }) }
}
