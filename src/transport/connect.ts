import type { Socket } from 'node:net'
import { AuthenticationError, ConnectionError, TimeoutError, type ZprocError } from '../errors.ts'
import { parseAddress } from '../protocol/address.ts'
import { decode, encodeFrame, FrameReader } from '../protocol/frames.ts'
import { type Hello, PROTOCOL, type ServerHello, VERSION } from '../protocol/messages.ts'
import { connectSocket } from './secure.ts'

const HELLO_BYTES = 64 << 10
const ALERT = 0x15

/** A socket whose two ends have greeted each other, and what the server said of itself. */
export interface Greeted {
  socket: Socket
  server: ServerHello
}

/** Connects to a server and exchanges hellos; `timeout` in milliseconds. Aborting `signal` gives it up. */
export function connect(
  address: string,
  secretKey: string | undefined,
  timeout: number,
  signal: AbortSignal,
): Promise<Greeted> {
  const endpoint = parseAddress(address, 'connect')
  return new Promise((resolve, reject) => {
    const givenUp = () => fail(new ConnectionError(`nobody needs the connection to ${address} any more`))
    let reached = false
    let secured = false
    const socket = connectSocket(
      endpoint.kind === 'ipc' ? { path: endpoint.path } : { ...endpoint, noDelay: true },
      secretKey,
      () => {
        secured = true
        socket.write(encodeFrame([PROTOCOL, VERSION, { pid: process.pid }] satisfies Hello))
      },
    )
    socket.once('connect', () => {
      reached = true
    })
    const reader = new FrameReader(HELLO_BYTES)
    const fail = (error: Error) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', givenUp)
      socket.destroy()
      reject(error)
    }
    const timer = setTimeout(
      () => fail(new TimeoutError(`${address} did not greet within ${timeout} ms: is it a zproc server?`)),
      timeout,
    )
    const onError = (error: Error) =>
      fail(
        reached && secretKey !== undefined && !secured
          ? refused(address, secretKey, error)
          : new ConnectionError(
              `nothing answers at ${address}: start a server there with startServer(…) (${error.message})`,
              { cause: error },
            ),
      )
    // A server with a key hangs up on who does not begin with a handshake.
    const onClose = () => fail(refused(address, secretKey))
    const onData = (chunk: Buffer) => {
      // A record of TLS: this server talks to those with its key only.
      if (chunk[0] === ALERT && secretKey === undefined) return fail(refused(address, secretKey))
      try {
        reader.read(chunk, bytes => {
          const server = checkHello(decode(bytes), address)
          clearTimeout(timer)
          signal.removeEventListener('abort', givenUp)
          socket.off('error', onError).off('close', onClose).off('data', onData)
          socket.pause()
          resolve({ socket, server })
        })
      } catch (error) {
        fail(
          error instanceof ConnectionError
            ? error
            : new ConnectionError(`${address} does not speak zproc`, { cause: error }),
        )
      }
    }
    socket.on('error', onError).on('close', onClose).on('data', onData)
    if (signal.aborted) givenUp()
    else signal.addEventListener('abort', givenUp)
  })
}

function refused(address: string, secretKey: string | undefined, cause?: Error): ZprocError {
  const other = (cause as NodeJS.ErrnoException | undefined)?.code?.startsWith('ERR_SSL')
  const why =
    secretKey === undefined
      ? 'it was started with a secretKey and none was given here'
      : other
        ? 'the secretKey given here is not the one that it was started with'
        : 'a secretKey was given here and it was started without one'
  return new AuthenticationError(`the server at ${address} ended the connection before it greeted: ${why}`, {
    cause,
  })
}

function checkHello(hello: unknown, address: string): ServerHello {
  if (!Array.isArray(hello) || hello[0] !== PROTOCOL)
    throw new ConnectionError(`${address} does not speak zproc`)
  const said = hello[2] as ServerHello | { refused: string }
  if ('refused' in said) throw new ConnectionError(`${address}: ${said.refused}`)
  if (hello[1] !== VERSION)
    throw new ConnectionError(
      `${address} speaks version ${hello[1]} of the protocol and this client version ${VERSION}: use the same version of zproc on both sides`,
    )
  return said
}
