import { rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { randomIpcAddress } from '../../src/protocol/address.ts'
import { startChild } from './child.ts'

/** The limit that sockets set: a process that sends back what it gets, and how long a round trip to it takes. */
export interface Echo {
  pid: number
  /** Microseconds that a round trip of `bytes` (default 64) takes, of `count` one after the other. */
  roundTrips(count: number, bytes?: number): Promise<number>
  stop(): void
}

export async function startEcho(): Promise<Echo> {
  const path = randomIpcAddress().slice('ipc://'.length)
  const child = startChild(import.meta.url, [path])
  await new Promise(resolve => child.once('message', resolve))
  const socket = connect({ path })
  await new Promise(resolve => socket.once('connect', resolve))
  return {
    pid: child.pid as number,
    roundTrips: (count, bytes = 64) =>
      new Promise(resolve => {
        const message = Buffer.alloc(bytes, 1)
        const began = performance.now()
        let left = count
        let missing = 0
        const hear = (data: Buffer) => {
          missing -= data.length
          if (missing === 0) next()
        }
        const next = () => {
          if (left-- > 0) {
            missing = bytes
            socket.write(message)
          } else {
            socket.off('data', hear)
            resolve(((performance.now() - began) / count) * 1000)
          }
        }
        socket.on('data', hear)
        next()
      }),
    stop: () => {
      socket.destroy()
      child.kill()
      rmSync(path, { force: true })
    },
  }
}

if (process.send && process.argv[1] && import.meta.url.endsWith(process.argv[1])) {
  createServer(socket => {
    socket.on('data', data => socket.write(data))
    socket.on('error', () => process.exit())
    socket.on('close', () => process.exit())
  }).listen(process.argv[2], () => process.send?.('ready'))
}
