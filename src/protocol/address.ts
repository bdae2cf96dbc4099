import { BlockList, isIP } from 'node:net'
import { isAbsolute, join, resolve } from 'node:path'
import { describe } from './describe.ts'
import { privateDirectory } from './private-directory.ts'

/** Where a server listens, as `node:net` wants it. */
export type Endpoint = { kind: 'ipc'; path: string } | { kind: 'tcp'; host: string; port: number }

/** The address with a relative path made whole: it means the same in every directory. */
export function resolveAddress(address: unknown, call: string): string {
  const endpoint = parseAddress(address, call)
  return endpoint.kind === 'ipc' ? formatAddress(endpoint) : (address as string)
}

/** Reads `ipc://<path>` or `tcp://<host>:<port>`; `*` stands for "every interface" as a host, "any port" as a port. */
export function parseAddress(address: unknown, call: string): Endpoint {
  if (typeof address !== 'string')
    throw new TypeError(
      `${call}: the address must be a string like "tcp://127.0.0.1:5000", got ${describe(address)}`,
    )
  if (address.startsWith('ipc://')) return ipcEndpoint(address, call)
  const tcp = /^tcp:\/\/(\[[^\]]+\]|[^:/]+):(\d+|\*)$/.exec(address)
  if (!tcp) {
    throw new TypeError(
      `${call}: "${address}" is not an address; use "ipc://<path>" or "tcp://<host>:<port>" (port 0 or * picks one)`,
    )
  }
  const host = tcp[1] === '*' ? '0.0.0.0' : (tcp[1] as string).replace(/^\[|\]$/g, '')
  const port = tcp[2] === '*' ? 0 : Number(tcp[2])
  if (port > 65535) throw new RangeError(`${call}: port ${port} in "${address}" is above 65535`)
  return { kind: 'tcp', host, port }
}

// What the system allows, 107 or 103, without what the names beside it add: see lifeline/path-lock.ts.
const MAX_PATH_BYTES = process.platform === 'darwin' ? 96 : 100

function ipcEndpoint(address: string, call: string): Endpoint {
  const path = address.slice('ipc://'.length)
  if (path === '') throw new TypeError(`${call}: "${address}" lacks a path; use "ipc://<path>"`)
  if (process.platform === 'win32')
    return { kind: 'ipc', path: path.startsWith('\\\\') ? path : `\\\\.\\pipe\\${path}` }
  const whole = isAbsolute(path) ? path : resolve(path)
  if (Buffer.byteLength(whole) > MAX_PATH_BYTES)
    throw new RangeError(
      `${call}: the path in "${address}" is over ${MAX_PATH_BYTES} bytes (${whole}), longer than a socket's path may be`,
    )
  return { kind: 'ipc', path: whole }
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
export function socketPath(address: string): string | undefined {
  const isFile = address.startsWith('ipc://') && process.platform !== 'win32'
  return isFile ? address.slice('ipc://'.length) : undefined
}

/** Whether it is one of those: it was picked for one server, and no other will be there. */
export const isRandom = (address: string): boolean =>
  /^ipc:\/\/.*zproc-(\d+\/)?\d+-[0-9a-f]{12}(\.sock)?$/.test(address)

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Whether nobody outside this machine can reach the endpoint. */
export const isLocal = (endpoint: Endpoint): boolean => endpoint.kind === 'ipc' || isLoopback(endpoint.host)

/** Whether a host, a name or an address, is this machine as only it can reach itself. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true
  // A name may begin with "127." and be anywhere.
  const version = isIP(host)
  return version !== 0 && loopback.check(host, version === 4 ? 'ipv4' : 'ipv6')
}

export function formatAddress(endpoint: Endpoint): string {
  if (endpoint.kind === 'tcp') {
    const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host
    return `tcp://${host}:${endpoint.port}`
  }
  return `ipc://${endpoint.path.replace(/^\\\\\.\\pipe\\/, '')}`
}

/** A key is a string that is not empty. It is never shown. */
export function checkSecretKey(secretKey: unknown, call: string): asserts secretKey is string | undefined {
  if (secretKey === undefined || (typeof secretKey === 'string' && secretKey !== '')) return
  const got = secretKey === '' ? 'an empty one' : `one of type ${typeof secretKey}`
  throw new TypeError(`${call}: secretKey must be a string that is not empty, got ${got}`)
}
