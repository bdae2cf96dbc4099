import type { Attributes } from '@opentelemetry/api'

/** Where a server is, of an address without a password. */
export function serverOf(address: string): Attributes {
  if (address.startsWith('ipc://'))
    return { 'server.address': address.slice('ipc://'.length), 'network.transport': 'unix' }
  if (!URL.canParse(address)) return { 'server.address': address }
  const { hostname, port } = new URL(address)
  return { 'server.address': hostname.replace(/^\[|\]$/g, ''), ...(port && { 'server.port': Number(port) }) }
}

/** The class of an error: its code, or its name. */
export function typeOf(error: unknown): string {
  if (!(error instanceof Error)) return '_OTHER'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
