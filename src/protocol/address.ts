import { join } from 'node:path'
import { describe } from './describe.ts'
import { privateDirectory } from './private-directory.ts'
import { ipc, MAX_PATH_BYTES } from './transports/ipc.ts'
import { tcp } from './transports/tcp.ts'
import type { Endpoint, Transport } from './transports/transport.ts'

/** By the scheme of the address. */
const transports = new Map<string, Transport>([
  ['ipc', ipc],
  ['tcp', tcp],
])

const transportOf = (address: string): Transport | undefined =>
  transports.get(address.slice(0, Math.max(0, address.indexOf('://'))))

/** The address with a relative path made whole: it means the same in every directory. */
export const resolveAddress = (address: unknown, call: string): string => parseAddress(address, call).address

/** Where a server at the address listens. */
export function parseAddress(address: unknown, call: string): Endpoint {
  if (typeof address !== 'string')
    throw new TypeError(
      `${call}: the address must be a string like "tcp://127.0.0.1:5000", got ${describe(address)}`,
    )
  const transport = transportOf(address)
  if (transport) return transport.parse(address, call)
  const forms = [...transports.values()].map(({ form }) => form).join(' or ')
  throw new TypeError(`${call}: "${address}" is not an address; use ${forms}`)
}

/** A new `ipc://` address in a directory that only this user can enter. */
export function randomIpcAddress(): string {
  const name = `${process.pid}-${Buffer.from(crypto.getRandomValues(new Uint8Array(6))).toString('hex')}`
  if (process.platform === 'win32') return `ipc://zproc-${name}`
  const file = `${name}.sock`
  return `ipc://${join(privateDirectory(MAX_PATH_BYTES, file.length + 1), file)}`
}

/** The `ipc://` address of a name, in the same directory. */
export function namedIpcAddress(name: string): string {
  if (process.platform === 'win32') return `ipc://zproc-${process.env.USERNAME ?? ''}-named-${name}`
  const file = `named-${name}.sock`
  return `ipc://${join(privateDirectory(MAX_PATH_BYTES, file.length + 2), file)}`
}

/** The path of the socket's file at an address that is checked; undefined: there is none. */
export const socketPath = (address: string): string | undefined =>
  transportOf(address)?.parse(address, 'socketPath').file

/** Whether a connection there is known to have ended once its peer has. */
export const endsWithPeer = (address: string): boolean =>
  transportOf(address)?.parse(address, 'connect').endsWithPeer ?? false

/** A key is a string that is not empty. It is never shown. */
export function checkSecretKey(secretKey: unknown, call: string): asserts secretKey is string | undefined {
  if (secretKey === undefined || (typeof secretKey === 'string' && secretKey !== '')) return
  const got = secretKey === '' ? 'an empty one' : `one of type ${typeof secretKey}`
  throw new TypeError(`${call}: secretKey must be a string that is not empty, got ${got}`)
}
