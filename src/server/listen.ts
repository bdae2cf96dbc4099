import type { Server as NetServer, Socket } from 'node:net'
import { dirname } from 'node:path'
import { outside } from '../async/outside.ts'
import { ConnectionError } from '../errors.ts'
import { listening, SocketFile } from '../lifeline/socket-file.ts'
import type { Doing } from '../lifeline/watchdog.ts'
import { parseAddress } from '../protocol/address.ts'
import type { ServerDescription } from '../protocol/description.ts'
import { DESCRIBED } from '../protocol/messages.ts'
import type { Endpoint } from '../protocol/transports/transport.ts'
import type { DerivedKey } from '../transport/key.ts'
import { createServer } from '../transport/secure.ts'
import { describeServer } from './describe.ts'
import { Door, refuse } from './door.ts'
import { greet } from './greet.ts'
import { KeptCore } from './kept-core.ts'
import { ServerLog } from './log.ts'
import type { KeepOptions, Limits } from './options.ts'

/** What a server needs to know. */
export interface Start {
  address: string
  limits: Limits
  keep: KeepOptions | undefined
  /** What the secret key stands for: whoever listens need not know that itself. */
  key: DerivedKey | undefined
  /** The address was picked for this server, and will not be used again. */
  picked: boolean
  /** Milliseconds without clients after which it ends; undefined: its owner ends it. */
  linger: number | undefined
}

export interface Listening {
  address: string
  /** Whether it, and its ends of the connections, keep this program alive; at first they do. */
  keep(alive: boolean): void
  /** What it says of itself, and the programs that use it of their processes. */
  describe(): ServerDescription | Promise<ServerDescription>
  /** Whether nobody has a session. */
  isUnused(): boolean
  stop(): Promise<void>
}

/** Runs a state server in this process. `say` gets each line that is for the operator; default: stderr. */
export function listen(start: Start, doing?: Doing, say?: (line: string) => void): Promise<Listening> {
  return outside(() => listenHere(start, doing, say))
}

async function listenHere(start: Start, doing?: Doing, say?: (line: string) => void): Promise<Listening> {
  const { address, limits, keep, key, picked } = start
  const endpoint = parseAddress(address, 'startServer')
  const log = new ServerLog(say)
  const core = await KeptCore.open(limits, doing, keep, log)
  const sockets = new Set<Socket>()
  const door = new Door(limits, key !== undefined, log)
  let kept = true
  const net = createServer(key, limits.handshakeTimeout, {
    arrived: raw => {
      sockets.add(raw.once('close', () => sockets.delete(raw)))
      core.now.traffic.add(raw)
      if (!kept) raw.unref()
      door.enter(raw)
    },
    socket: (socket, raw) => core.use(now => greet(now, socket, () => door.leave(raw))),
    withoutKey: raw => {
      log.client('no key', 'refused a client that gave no secret key')
      refuse(raw, { refused: 'it was started with a secretKey and none was given here', key: true })
    },
    refused: why => log.client('key', `refused a client: ${why}`),
  })
  const unbind = await bind(net, endpoint, address)
  const bound = net.address()
  const where =
    bound && typeof bound === 'object' ? (endpoint.bound?.(bound) ?? endpoint.address) : endpoint.address
  core.now.address = where
  if (picked) core.now.home = where
  const stop = async () => {
    unbind()
    const closed = new Promise<void>(resolve => net.close(() => resolve()))
    await core.end()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return {
    address: where,
    keep: alive => {
      kept = alive
      for (const one of [net, ...sockets]) alive ? one.ref() : one.unref()
    },
    describe: () => describeServer(core.now, DESCRIBED, NONE),
    isUnused: () => core.now.sessions.size === 0,
    stop,
  }
}

// The session that asks, where it is none.
const NONE = 0

// Hundreds of processes may come at once: what the system allows of this may wait in line.
const BACKLOG = 4096

/** Gives what ends the address, to be called before the server is closed. */
async function bind(net: NetServer, endpoint: Endpoint, address: string): Promise<() => void> {
  const failed = (cause: NodeJS.ErrnoException) =>
    new ConnectionError(`startServer: ${whyNot(cause, endpoint, address)}`, { cause })
  try {
    if (endpoint.file !== undefined) {
      const file = await SocketFile.bind(net, endpoint.file, BACKLOG)
      if (!file) throw Object.assign(new Error(`${endpoint.file} is not free`), { code: 'EADDRINUSE' })
      return () => file.remove()
    }
    await listening(net, { ...endpoint.where, backlog: BACKLOG })
    return () => {}
  } catch (error) {
    net.close()
    throw error instanceof ConnectionError ? error : failed(error as NodeJS.ErrnoException)
  }
}

function whyNot({ code, message }: NodeJS.ErrnoException, endpoint: Endpoint, address: string): string {
  if (code === 'EADDRINUSE')
    return `${address} is taken: a process listens there already${endpoint.file ? ', or a file is in the way' : ''}`
  if (endpoint.file !== undefined && code === 'ENOENT')
    return `cannot listen on ${address}: there is no directory ${dirname(endpoint.file)}`
  return `cannot listen on ${address}: ${message}`
}
