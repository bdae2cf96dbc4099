import { chmodSync, existsSync, lstatSync, unlinkSync } from 'node:fs'
import { connect, type Server as NetServer, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { after, cancel } from '../async/interval.ts'
import { ConnectionError } from '../errors.ts'
import type { Doing } from '../lifeline/watchdog.ts'
import { type Endpoint, formatAddress, parseAddress } from '../protocol/address.ts'
import { createServer } from '../transport/secure.ts'
import { Core } from './core.ts'
import { Door, refuse } from './door.ts'
import { greet } from './greet.ts'
import { log } from './log.ts'
import type { Limits } from './options.ts'
import type { Session } from './session.ts'

/** What a server needs to know. */
export interface Start {
  address: string
  limits: Limits
  /** What the secret key stands for: whoever listens need not know that itself. */
  key: Uint8Array | undefined
  /** The address was picked for this server, and will not be used again. */
  picked: boolean
}

export interface Listening {
  address: string
  /** Whether it, and its ends of the connections, keep this program alive; at first they do. */
  keep(alive: boolean): void
  /** Whether nobody has a session. */
  isUnused(): boolean
  stop(): Promise<void>
}

/** Runs a state server in this process. */
export async function listen(start: Start, doing?: Doing): Promise<Listening> {
  const { address, limits, key, picked } = start
  const endpoint = parseAddress(address, 'startServer')
  const core = new Core<Session>(limits, doing)
  const sockets = new Set<Socket>()
  const door = new Door(limits, key !== undefined)
  let kept = true
  const net = createServer(key, limits.handshakeTimeout, {
    arrived: raw => {
      sockets.add(raw.once('close', () => sockets.delete(raw)))
      if (!kept) raw.unref()
      door.enter(raw)
    },
    socket: (socket, raw) => greet(core, socket, () => door.leave(raw)),
    withoutKey: raw => {
      log('no key', 'refused a client that gave no secret key')
      refuse(raw, { refused: 'it was started with a secretKey and none was given here', key: true })
    },
    refused: why => log('key', `refused a client: ${why}`),
  })
  await bind(net, endpoint, address)
  const bound = net.address()
  const where =
    bound && typeof bound === 'object'
      ? formatAddress({ kind: 'tcp', host: bound.address, port: bound.port })
      : address
  if (picked || (endpoint.kind === 'tcp' && endpoint.port === 0)) core.home = where
  return {
    address: where,
    keep: alive => {
      kept = alive
      for (const one of [net, ...sockets]) alive ? one.ref() : one.unref()
    },
    isUnused: () => core.sessions.size === 0,
    stop: () =>
      new Promise(resolve => {
        net.close(() => resolve())
        for (const session of [...core.sessions.values()]) session.end()
        core.end()
        for (const socket of sockets) socket.destroy()
      }),
  }
}

async function bind(net: NetServer, endpoint: Endpoint, address: string): Promise<void> {
  if (endpoint.kind === 'ipc') await removeStale(endpoint.path)
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) =>
      reject(new ConnectionError(`startServer: ${whyNot(cause, endpoint, address)}`, { cause }))
    net.once('error', failed)
    // Hundreds of processes may come at once: what the system allows of this may wait in line.
    const backlog = 4096
    net.listen(endpoint.kind === 'ipc' ? { path: endpoint.path, backlog } : { ...endpoint, backlog }, () => {
      net.off('error', failed)
      if (endpoint.kind === 'ipc' && process.platform !== 'win32') chmodSync(endpoint.path, 0o600)
      resolve()
    })
  })
}

function whyNot({ code, message }: NodeJS.ErrnoException, endpoint: Endpoint, address: string): string {
  if (code === 'EADDRINUSE')
    return `${address} is taken: somebody listens there already, or a file is in the way`
  // Node calls it a lack of permission.
  if (endpoint.kind === 'ipc' && code === 'EACCES' && !existsSync(dirname(endpoint.path)))
    return `cannot listen on ${address}: there is no directory ${dirname(endpoint.path)}`
  return `cannot listen on ${address}: ${message}`
}

// A server that was killed leaves its socket file behind; one that lives answers, and one that is dying hangs up.
async function removeStale(path: string, tries = 5): Promise<void> {
  if (process.platform === 'win32') return
  // Whatever else is there refuses connections too, and is not ours to remove.
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return
  const found = await probe(path)
  if (found === 'stale') unlinkSync(path)
  else if (found === 'dying' && tries > 1) await removeStale(path, tries - 1)
}

function probe(path: string): Promise<'stale' | 'dying' | 'alive'> {
  return new Promise(resolve => {
    const socket = connect({ path }).resume()
    socket.once('connect', () => {
      const timer = after(50, () => {
        resolve('alive')
        socket.destroy()
      })
      socket.once('close', () => {
        cancel(timer)
        resolve('dying')
      })
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') resolve('stale')
      else resolve(error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 'dying' : 'alive')
    })
  })
}
