import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { parseAddress } from '../../src/protocol/address.ts'
import { decodeLent, encodeFrame, FrameReader } from '../../src/protocol/frames.ts'

/** A socket to a server, for saying what no client would say. */
export interface Raw {
  socket: Socket
  /** Sends one frame. */
  say(value: unknown): void
  /** The next frame that arrives, or undefined when the server ended the connection. */
  hear(): Promise<unknown>
}

export async function raw(t: TestContext, address: string): Promise<Raw> {
  const socket = connect(parseAddress(address, 'raw').where)
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  const reader = new FrameReader(2 ** 32)
  const heard: unknown[] = []
  let ended = false
  let wake = () => {}
  socket.on('data', (chunk: Buffer) => {
    reader.read(chunk, (...lent) => heard.push(decodeLent(...lent)))
    wake()
  })
  socket.on('close', () => {
    ended = true
    wake()
  })
  return {
    socket,
    say: value => void socket.write(encodeFrame(value)),
    hear: async () => {
      while (heard.length === 0 && !ended)
        await new Promise<void>(resolve => {
          wake = resolve
        })
      return heard.shift()
    },
  }
}

/** A server of anything at a free port: `answer` gets each connection. */
export async function impostor(t: TestContext, answer: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server: Server = createServer(socket => {
    sockets.add(socket.on('error', () => {}))
    answer(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `tcp://127.0.0.1:${(server.address() as { port: number }).port}`
}
