import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { parseRedisAddress } from '../../src/engines/redis/address.ts'
import { sweepAtEnd } from '../../src/lifeline/guard.ts'
import { parseAddress, socketPath } from '../../src/protocol/address.ts'

/** A way to a server that can fail: its own address, and what can happen on it. */
export interface Proxy {
  address: string
  /** Bytes that went to the clients. */
  delivered: number
  /** Resolves when so many more chunks have gone to the clients. */
  passed(chunks: number): Promise<void>
  /** From now on nothing passes, in either direction; the sockets stay open and full. */
  stall(): void
  /** Lets everything pass again, what was held back first. */
  resume(): void
  /** Each chunk passes `ms` later than it came. */
  delay(ms: number): void
  /** Ends all connections at once, as a broken network does. */
  cut(): void
  /** The same in the middle of the next chunk, in whichever direction it goes. */
  tear(): void
  /** What the server says from now on, on the connections that there are, is lost. */
  deafen(): void
  /** Nothing passes any more on the connections that there are, while new ones work. */
  abandon(): void
  /** Nobody listens at its address: connections end, new ones are refused. */
  close(): Promise<void>
  /** Listens again, at the same address. */
  open(): Promise<void>
  /** Greets the server a second time, as the client of each connection did, and says no more. */
  duplicate(): void
}

interface Link {
  client: Socket
  upstream: Socket
  /** What the client said first. */
  greeting: Buffer | undefined
  deaf: boolean
  /** Its connections are about to end: a stream never goes on behind a gap. */
  torn: boolean
}

/** Puts a proxy in front of the server, or Redis, at `address`; it listens at `at`. It ends with the test `t`. */
export async function proxy(
  t: Pick<TestContext, 'after'>,
  address: string,
  at = 'tcp://127.0.0.1:0',
): Promise<Proxy> {
  const links = new Set<Link>()
  const others = new Set<Socket>()
  let stalled = false
  let torn = false
  let late = 0
  let left = 0
  let counted = () => {}
  const count = () => {
    if (left > 0 && --left === 0) counted()
  }
  const reach = () => connect(pathOf(address))
  const pipe = (link: Link, from: Socket, to: Socket) => {
    // Chunks leave in the order in which they came, however the delay changes.
    const waiting: Buffer[] = []
    if (stalled) from.pause()
    const pass = (chunk: Buffer) => {
      if (link.torn) return
      if (from === link.upstream) {
        if (link.deaf) return
        made.delivered += chunk.length
        count()
      } else link.greeting ??= chunk
      if (!torn) {
        if (!to.write(chunk)) from.pause()
        return
      }
      torn = false
      link.torn = true
      to.write(chunk.subarray(0, chunk.length >> 1))
      setImmediate(made.cut)
    }
    from.on('data', (chunk: Buffer) => {
      if (late === 0 && waiting.length === 0) return pass(chunk)
      waiting.push(chunk)
      setTimeout(() => pass(waiting.shift() as Buffer), late)
    })
    to.on('drain', () => stalled || from.resume())
    from.on('error', () => {})
    from.on('close', () => {
      links.delete(link)
      to.destroy()
    })
  }
  const server = createServer(client => {
    const link: Link = { client, upstream: reach(), greeting: undefined, deaf: false, torn: false }
    links.add(link)
    pipe(link, link.client, link.upstream)
    pipe(link, link.upstream, link.client)
  })
  const path = socketPath(at)
  // Where the tests are killed it would stay.
  if (path !== undefined) t.after(sweepAtEnd(path))
  server.listen(pathOf(at))
  await once(server, 'listening')
  const made: Proxy = {
    address: at.startsWith('ipc:') ? at : asAt(address, (server.address() as { port: number }).port),
    delivered: 0,
    passed: chunks =>
      new Promise(resolve => {
        left = chunks
        counted = resolve
        if (chunks === 0) resolve()
      }),
    stall: () => {
      stalled = true
      for (const socket of sockets(links)) socket.pause()
    },
    resume: () => {
      stalled = false
      for (const socket of sockets(links)) socket.resume()
    },
    delay: ms => {
      late = ms
    },
    cut: () => {
      for (const socket of sockets(links)) socket.destroy()
    },
    tear: () => {
      torn = true
    },
    deafen: () => {
      for (const link of links) link.deaf = true
    },
    abandon: () => {
      for (const socket of sockets(links)) socket.removeAllListeners('drain').pause()
    },
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      made.cut()
      await closed
    },
    open: async () => {
      server.listen(pathOf(made.address))
      await once(server, 'listening')
    },
    duplicate: () => {
      for (const { greeting } of links) {
        if (!greeting) continue
        const other = reach()
        other.resume().on('error', () => {})
        others.add(other.once('close', () => others.delete(other)))
        other.write(greeting)
      }
    },
  }
  t.after(() => {
    server.close()
    for (const socket of [...sockets(links), ...others]) socket.destroy()
  })
  return made
}

const sockets = (links: Iterable<Link>): Socket[] =>
  [...links].flatMap(({ client, upstream }) => [client, upstream])

/** What is at `address`, by another port of this machine. */
const asAt = (address: string, port: number): string =>
  address.startsWith('redis:')
    ? address.replace(/\/\/[^/?]*/, `//127.0.0.1:${port}`)
    : `tcp://127.0.0.1:${port}`

function pathOf(address: string) {
  if (address.startsWith('redis:')) return parseRedisAddress(address, 'proxy').nodes[0] as { port: number }
  return parseAddress(address, 'proxy').where
}
