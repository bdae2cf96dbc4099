import type { Socket } from 'node:net'
import { after, cancel } from '../async/interval.ts'
import { AuthenticationError, ConnectionError, TimeoutError, ZprocError } from '../errors.ts'
import { parseAddress } from '../protocol/address.ts'
import { encodeFrame } from '../protocol/frames.ts'
import {
  type ClientHello,
  type Hello,
  PROTOCOL,
  type Refusal,
  type ServerHello,
  VERSION,
} from '../protocol/messages.ts'
import type { Read } from './channel.ts'
import { readHello } from './hello.ts'
import { connectSocket } from './secure.ts'

// Servers may answer with whole states: what they send is not limited.
const ANY_LENGTH = 2 ** 32

/** A socket whose two ends have greeted each other, and what the server said of itself. */
export interface Greeted {
  socket: Socket
  server: ServerHello
  /** What came with that. */
  read: Read
}

/**
 * Connects to a server and exchanges hellos, within `timeout` milliseconds: the last of the `outOf` that there were.
 * Aborting `signal` gives it up. The socket keeps no program alive.
 */
export function connect(
  address: string,
  secretKey: string | undefined,
  timeout: number,
  hello: ClientHello,
  signal: AbortSignal,
  outOf = timeout,
): Promise<Greeted> {
  const endpoint = parseAddress(address, 'connect')
  return new Promise((resolve, reject) => {
    const givenUp = () => fail(new ConnectionError(`nobody needs the connection to ${address} any more`))
    let reached = false
    const socket = connectSocket({ ...endpoint.where, noDelay: true }, secretKey, () =>
      socket.write(encodeFrame([PROTOCOL, VERSION, hello] satisfies Hello)),
    )
    socket.once('connect', () => {
      reached = true
    })
    socket.unref()
    const settled = () => {
      cancel(timer)
      signal.removeEventListener('abort', givenUp)
      socket
        .off('error', onError)
        .off('close', onClose)
        .on('error', () => {})
      stopReading()
    }
    const fail = (error: Error) => {
      settled()
      socket.destroy()
      reject(error)
    }
    const late = () =>
      fail(new TimeoutError(`${address} did not greet within ${outOf} ms: is it a zproc server?`))
    // One half after the other: what arrives while this thread computes is looked at in between, however long it does.
    let timer = after(timeout / 2, () => {
      timer = after(timeout / 2, late)?.unref()
    })?.unref()
    // Who resets a connection was there, even if that is heard before anything else.
    const onError = (error: NodeJS.ErrnoException) =>
      fail(reached || error.code === 'ECONNRESET' ? ended(address, error) : silent(address, error))
    const onClose = () => fail(ended(address))
    const stopReading = readHello(
      socket,
      ANY_LENGTH,
      (said, read) => {
        const server = checkHello(said, address)
        settled()
        resolve({ socket, server, read })
      },
      error =>
        fail(
          error instanceof ZprocError
            ? error
            : new ConnectionError(`${address} does not speak zproc`, { cause: error }),
        ),
    )
    socket.on('error', onError).on('close', onClose)
    if (signal.aborted) givenUp()
    else signal.addEventListener('abort', givenUp)
  })
}

function silent(address: string, cause: Error): ConnectionError {
  const why = parseAddress(address, 'connect').isRandom
    ? 'the server that this address was picked for has ended'
    : 'start a server there with startServer(…)'
  return new ConnectionError(`nothing answers at ${address}: ${why} (${cause.message})`, { cause })
}

// What the two ends of a handshake say of it, by the codes of OpenSSL.
const OTHER_KEY = /BAD_RECORD_MAC|DECRYPT/
const NO_KEY_THERE = /UNKNOWN_PSK_IDENTITY/

function ended(address: string, cause?: Error): ZprocError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? ''
  const why = OTHER_KEY.test(code)
    ? 'the secretKey given here is not the one that it was started with'
    : NO_KEY_THERE.test(code)
      ? 'a secretKey was given here and it was started without one'
      : undefined
  if (why) return new AuthenticationError(`the server at ${address} let nobody in: ${why}`, { cause })
  const said = cause ? ` (${cause.message})` : ''
  return new ConnectionError(
    `${address} ended the connection before it greeted${said}: it is no zproc server, or one that is just stopping, or has too many connections`,
    { cause },
  )
}

function checkHello(hello: unknown, address: string): ServerHello {
  if (!Array.isArray(hello) || hello[0] !== PROTOCOL)
    throw new ConnectionError(`${address} does not speak zproc`)
  const said = hello[2] as ServerHello | Refusal
  if ('refused' in said && said.key)
    throw new AuthenticationError(`the server at ${address} let nobody in: ${said.refused}`)
  if ('refused' in said) throw new ConnectionError(`${address}: ${said.refused}`)
  if (hello[1] !== VERSION)
    throw new ConnectionError(
      `${address} speaks version ${hello[1]} of the protocol and this client version ${VERSION}: use the same version of zproc on both sides`,
    )
  return said
}
