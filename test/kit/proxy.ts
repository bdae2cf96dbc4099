import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { parseAddress } from '../../src/protocol/address.ts'

/** A way to a server that can fail: its own address, and what can happen on it. */
export interface Proxy {
  address: string
  /** Bytes that went to the clients. */
  delivered: number
  /** From now on nothing passes, in either direction; the sockets stay open and full. */
  stall(): void
  /** Lets everything pass again, what was held back first. */
  resume(): void
  /** Each chunk passes `ms` later than it came. */
  delay(ms: number): void
  /** Ends all connections at once, as a broken network does. */
  cut(): void
}

/** Puts a proxy in front of the server at `address`. */
export async function proxy(t: TestContext, address: string): Promise<Proxy> {
  const endpoint = parseAddress(address, 'proxy')
  const sockets = new Set<Socket>()
  let stalled = false
  let late = 0
  const pipe = (from: Socket, to: Socket, count: (bytes: number) => void) => {
    sockets.add(from)
    if (stalled) from.pause()
    from.on('data', (chunk: Buffer) => {
      const pass = () => {
        count(chunk.length)
        if (!to.write(chunk)) from.pause()
      }
      if (late > 0) setTimeout(pass, late)
      else pass()
    })
    to.on('drain', () => stalled || from.resume())
    from.on('error', () => {})
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
    })
  }
  const server = createServer(client => {
    const upstream = connect(endpoint.kind === 'ipc' ? { path: endpoint.path } : endpoint)
    pipe(client, upstream, () => {})
    pipe(upstream, client, bytes => {
      made.delivered += bytes
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const made: Proxy = {
    address: `tcp://127.0.0.1:${(server.address() as { port: number }).port}`,
    delivered: 0,
    stall: () => {
      stalled = true
      for (const socket of sockets) socket.pause()
    },
    resume: () => {
      stalled = false
      for (const socket of sockets) socket.resume()
    },
    delay: ms => {
      late = ms
    },
    cut: () => {
      for (const socket of sockets) socket.destroy()
    },
  }
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return made
}
