import { checkSecretKey, resolveAddress } from '../protocol/address.ts'
import type { Engine } from './engine.ts'
import { checkRedisAddress } from './redis/address.ts'

const redis: Engine = { check: checkRedisAddress, load: () => import('./redis/store.ts') }

/** By the scheme of the address. An engine is loaded when an address asks for it. */
const engines = new Map<string, Engine>([
  ['redis', redis],
  ['rediss', redis],
  ['redis+cluster', redis],
  ['rediss+cluster', redis],
  ['redis+sentinel', redis],
  ['rediss+sentinel', redis],
])

/** The engine that an address belongs to; undefined: a server of zproc's own. */
export function engineOf(address: string): Engine | undefined {
  return engines.get(address.slice(0, Math.max(0, address.indexOf('://'))))
}

/** Checks where a State is to be: any address that can be joined. Gives it as it is to be passed on: see `resolveAddress`. */
export function checkHome(address: unknown, secretKey: unknown, call: string): string {
  checkSecretKey(secretKey, call)
  const engine = typeof address === 'string' ? engineOf(address) : undefined
  if (!engine) return resolveAddress(address, call)
  engine.check(address as string, secretKey, call)
  return address as string
}
