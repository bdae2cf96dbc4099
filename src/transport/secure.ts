import { scryptSync } from 'node:crypto'
import {
  createServer as createNetServer,
  type NetConnectOpts,
  connect as netConnect,
  type Server,
  type Socket,
} from 'node:net'
import { createServer as createTlsServer, type TLSSocket, connect as tlsConnect } from 'node:tls'

// With a pre-shared key both ends prove that they hold it, and no certificate is needed. ECDHE: a session that was
// recorded stays closed even to who learns the key later.
const CIPHERS = 'ECDHE-PSK-CHACHA20-POLY1305'
const IDENTITY = 'zproc'
const HANDSHAKE = 2000

const keys = new Map<string, Buffer>()

/** The 32 bytes that a secret key stands for. Deriving them is slow on purpose, so it is done once in a process. */
function derivedKey(secretKey: string): Buffer {
  let key = keys.get(secretKey)
  if (!key) {
    key = scryptSync(secretKey, 'zproc pre-shared key', 32)
    keys.set(secretKey, key)
  }
  return key
}

/** A server of plain sockets, or, with a key, of ones that only those with the same key get through. */
export function createServer(secretKey: string | undefined, onSocket: (socket: Socket) => void): Server {
  if (secretKey === undefined) return createNetServer({ noDelay: true }, onSocket)
  const psk = derivedKey(secretKey)
  const server = createTlsServer({
    pskCallback: (_socket, identity) => (identity === IDENTITY ? psk : null),
    ciphers: CIPHERS,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    handshakeTimeout: HANDSHAKE,
    noDelay: true,
  } as Parameters<typeof createTlsServer>[0])
  server.on('secureConnection', onSocket)
  server.on('tlsClientError', (error, socket) => {
    console.error(`zproc server: refused a client that does not hold the secret key (${codeOf(error)})`)
    socket.destroy()
  })
  return server
}

/** A socket to a server; `ready` is called when it can be written to. */
export function connectSocket(
  where: NetConnectOpts,
  secretKey: string | undefined,
  ready: () => void,
): Socket {
  if (secretKey === undefined) return netConnect(where, ready)
  const psk = derivedKey(secretKey)
  const socket: TLSSocket = tlsConnect(
    {
      ...where,
      pskCallback: () => ({ psk, identity: IDENTITY }),
      ciphers: CIPHERS,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      checkServerIdentity: () => undefined,
    },
    ready,
  )
  return socket
}

const codeOf = (error: Error): string => (error as NodeJS.ErrnoException).code ?? error.message
