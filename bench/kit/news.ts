// The ways in which one process tells others of a number: how it is written, and how they hear of it.
import type { ChildProcess } from 'node:child_process'
import { rmSync } from 'node:fs'
import { State, startServer } from 'zproc'
import { randomIpcAddress } from '../../src/protocol/address.ts'
import { aliases } from './aliases.ts'
import { peer } from './peer.ts'
import { start as startRedis } from './redis.ts'

export interface Writer {
  /** Where each connection of a watching process goes. */
  addresses: string[]
  write(n: number, watching: ChildProcess[]): Promise<unknown>
  stop(): unknown
}

export interface News {
  /** undefined: it is not installed here. `connections`: how many there are to be, in each of the processes. */
  start(connections: number): Promise<Writer | undefined>
  /** Tells each of those who share a connection of every number. Resolves when it watches. */
  watch(address: string, watchers: Hearer[]): Promise<unknown>
}

export type Hearer = (n: number) => void
type Numbers = { n: number }

const zproc: News = {
  async start(connections) {
    const server = await startServer()
    const state = new State<Numbers>(server.address)
    const { addresses, remove } = aliases(server.address, connections)
    const stop = async () => {
      remove()
      await state.close()
      await server.stop()
    }
    return { addresses, write: n => state.set('n', n), stop }
  },
  async watch(address, watchers) {
    await Promise.all(
      watchers.map(async hear => {
        const state = new State<Numbers>(address)
        await state.size()
        void follow(state, hear)
      }),
    )

    async function follow(state: State<Numbers>, hear: Hearer): Promise<void> {
      try {
        for await (const { n } of state.whenChange('n')) hear(n)
      } catch {
        process.exit()
      }
    }
  },
}

const zeromq: News = {
  async start(connections) {
    const zmq = await peer('zeromq')
    if (!zmq) return undefined
    const address = randomIpcAddress()
    // Nothing is to be thrown away when a reader is slow.
    const publisher = new zmq.Publisher({ sendHighWaterMark: 0 })
    await publisher.bind(address)
    // Who subscribes hears only what is sent after the news of it got there.
    // One sending at a time is what the library takes.
    let sent = Promise.resolve()
    const send = (text: string) => {
      sent = sent.then(() => publisher.send(text))
      return sent
    }
    const calling = setInterval(() => void send('hello'), 20)
    return {
      addresses: Array.from({ length: connections }, () => address),
      write: n => {
        clearInterval(calling)
        return send(String(n))
      },
      stop: () => {
        publisher.close()
        rmSync(address.slice('ipc://'.length), { force: true })
      },
    }
  },
  async watch(address, watchers) {
    const { Subscriber } = await peer('zeromq')
    const subscriber = new Subscriber({ receiveHighWaterMark: 0 })
    subscriber.connect(address)
    subscriber.subscribe()
    await subscriber.receive()
    void follow()

    async function follow(): Promise<void> {
      for await (const [text] of subscriber) {
        const n = Number(text)
        if (n >= 0) for (const hear of watchers) hear(n)
      }
    }
  },
}

const messages: News = {
  start: async connections => ({
    addresses: Array.from({ length: connections }, () => ''),
    write: async (n, watching) => {
      for (const child of watching) child.send({ n })
    },
    stop: () => {},
  }),
  watch: async (_, watchers) => {
    process.on('message', ({ n }: { n?: number }) => {
      if (n !== undefined) for (const hear of watchers) hear(n)
    })
  },
}

const redisStream: News = {
  async start(connections) {
    const kept = await startRedis('ioredis')
    if (!kept) return undefined
    const { Redis } = await peer('ioredis')
    const redis = new Redis(kept.address)
    return {
      addresses: Array.from({ length: connections }, () => kept.address),
      write: n => redis.xadd('numbers', '*', 'n', n),
      stop: async () => {
        await redis.quit()
        await kept.stop()
      },
    }
  },
  async watch(address, watchers) {
    const { Redis } = await peer('ioredis')
    const redis = new Redis(address)
    await redis.ping()
    void follow('0')

    async function follow(last: string): Promise<void> {
      for (;;) {
        const found = await redis.xread('BLOCK', 0, 'STREAMS', 'numbers', last).catch(() => process.exit())
        for (const [id, [, n]] of found[0][1]) {
          last = id
          for (const hear of watchers) hear(Number(n))
        }
      }
    }
  },
}

export const news = {
  zproc,
  'zeromq, PUB/SUB': zeromq,
  'child_process messages': messages,
  'Redis, XADD and XREAD BLOCK': redisStream,
} satisfies Record<string, News>

export type NewsName = keyof typeof news
