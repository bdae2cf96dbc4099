import {
  createServer as createNetServer,
  type NetConnectOpts,
  connect as netConnect,
  type OnReadOpts,
  type Server,
  Socket,
  type SocketConstructorOpts,
} from 'node:net'
import type { ConnectionOptions, TLSSocket, TlsOptions } from 'node:tls'
import { home, requireAt } from '../async/home.ts'
import { LONGEST_DELAY } from '../async/interval.ts'
import { otherRuntime } from '../async/runtime.ts'
import { independent, withRealTicks } from '../async/ticks.ts'
import { ConnectionError } from '../errors.ts'
import { type DerivedKey, derivedKey } from './key.ts'

// With a pre-shared key both ends prove that they hold it, and no certificate is needed. ECDHE: a session that was
// recorded stays closed even to who learns the key later.
const CIPHERS = 'ECDHE-PSK-CHACHA20-POLY1305'
const IDENTITY = 'zproc'
/** The first byte of a TLS handshake. */
const HANDSHAKE = 0x16
// To a client with a key, where none is asked for: the alert "unknown_psk_identity".
const NO_KEY_HERE = Buffer.from([0x15, 3, 3, 0, 2, 2, 115])
const READ_BYTES = 64 << 10

// Loaded where there is a key: every process loads this file, and few need them.
const require = requireAt(home)
const tls = (): typeof import('node:tls') => require('node:tls')

export interface ServerEvents {
  /** A connection, before anything was said on it. */
  arrived(raw: Socket): void
  /** It has begun to talk, and holds the key if one is asked for. `raw` is what `arrived` was told of. */
  socket(socket: Socket, raw: Socket): void
  /** It begins with no handshake, though there is a key. */
  withoutKey(raw: Socket): void
  /** It does not hold the key, or there is none to hold. */
  refused(why: string): void
}

/** A server of plain sockets, or, with a derived key, of ones that only those with the same key get through. */
export function createServer(
  key: DerivedKey | undefined,
  handshakeTimeout: number,
  events: ServerEvents,
): Server {
  const secure = key === undefined ? undefined : secureServer(key, handshakeTimeout, events)
  return createNetServer({ noDelay: true, pauseOnConnect: !secure }, accepted => {
    const raw = secure ? accepted : sharing(accepted)
    events.arrived(raw)
    raw.on('error', () => {})
    // Who says nothing costs no more than this. What is said first shows whether it is a handshake.
    raw.once('data', (first: Buffer, length?: number) => {
      const shakesHands = first[0] === HANDSHAKE
      if (secure && shakesHands) {
        raw.pause()
        raw.unshift(first)
        secure.emit('connection', raw)
      } else if (secure) events.withoutKey(raw)
      else if (shakesHands) {
        events.refused('it gave a secret key, and this server was started without one')
        raw.write(NO_KEY_HERE)
        raw.destroySoon()
      } else {
        events.socket(raw, raw)
        raw.emit('data', first, length)
      }
    })
  })
}

function secureServer(key: DerivedKey, handshakeTimeout: number, events: ServerEvents): Server {
  const server = tls().createServer({
    // The first that a client is told, before there is a key.
    pskIdentityHint: key.salt,
    pskCallback: (_socket, identity) => (identity === IDENTITY ? key.bytes : null),
    ciphers: CIPHERS,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    // Node sets a timer of its own with it.
    handshakeTimeout: Math.min(handshakeTimeout, LONGEST_DELAY),
  } as TlsOptions)
  // Node keeps the socket under a TLS one there.
  server.on('secureConnection', (socket: TLSSocket & { _parent?: Socket }) =>
    events.socket(socket, socket._parent ?? socket),
  )
  server.on('tlsClientError', (error, socket) => {
    const code = codeOf(error)
    events.refused(
      code.startsWith('ERR_SSL')
        ? `it does not hold the secret key (${code})`
        : `it did not finish its handshake (${code})`,
    )
    socket.destroy()
  })
  return server
}

/** A socket to a server; `ready` is called when it can be written to. Throws ConnectionError for a key that it cannot use. */
export function connectSocket(
  where: NetConnectOpts,
  secretKey: string | undefined,
  ready: () => void,
): Socket {
  if (secretKey === undefined) return plainSocket(where, ready)
  if (otherRuntime)
    throw new ConnectionError(
      `a server with a secretKey cannot be reached from ${otherRuntime}: it has no TLS with pre-shared keys. Use a server at an ` +
        'ipc address or on tcp without a key, or a program that Node runs.',
    )
  // Its types leave `onread` out, which goes to the socket as all that it does not know.
  const options = {
    ...where,
    onread: reading(() => socket),
    pskCallback: (salt: string | null) => {
      const key = derivedKey(secretKey, salt ?? '')
      // Node's own way to end the handshake.
      return key ? { psk: key.bytes, identity: IDENTITY } : null
    },
    ciphers: CIPHERS,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    checkServerIdentity: () => undefined,
  } satisfies ConnectionOptions & { onread: OnReadOpts }
  const socket: TLSSocket = tls().connect(options, ready)
  return socket
}

// Read into a buffer that all sockets share, a chunk costs a fraction of what it does when Node makes and shrinks 64 KiB
// for it and takes it through a stream: of a round trip of 18 µs, 1.3 µs at each end. It is told of with its length.
const shared = Buffer.allocUnsafeSlow(READ_BYTES)
const reading = (socket: () => Socket): OnReadOpts => ({
  buffer: shared,
  callback: length => socket().emit('data', shared, length),
})

function plainSocket(where: NetConnectOpts, ready: () => void): Socket {
  // Even an address that needs no look-up is connected to a tick later.
  const connect = () => netConnect({ ...where, onread: reading(() => socket) }, ready)
  const socket: Socket = independent(withRealTicks(connect))
  return socket
}

/**
 * A socket that reads into the shared buffer, for one that a server with `pauseOnConnect` has accepted: Node makes those
 * without a buffer, so another socket takes over what is underneath.
 */
export function sharing(accepted: Socket): Socket {
  const under = accepted as Socket & { _handle?: unknown }
  const handle = under._handle
  if (!handle) return accepted.resume()
  under._handle = null
  const options = { handle, readable: true, writable: true, onread: reading(() => socket) }
  const socket: Socket = independent(new Socket(options as SocketConstructorOpts))
  // The server counts the one that it made.
  return socket.once('close', () => accepted.destroy())
}

const codeOf = (error: Error): string => (error as NodeJS.ErrnoException).code ?? error.message
