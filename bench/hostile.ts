// Do others notice that somebody sends rubbish? A client's calls beside hostile traffic, and beside as much good traffic of
// others: as many connections, messages and bytes at the same moments, in turn, in many short rounds.
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { State, startServer } from 'zproc'
import { encode, encodeFrame } from '../src/protocol/frames.ts'
import { Ask } from '../src/protocol/kinds-of-requests.ts'
import { derivedKey } from '../src/transport/key.ts'
import { bytes, closing, messages, opening, randomOf } from '../test/fuzz/inputs.ts'
import { mustBe, type Samples, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

// Milliseconds from one moment of others' traffic to the next; moments of a round; rounds of each kind.
const EVERY = 20
const MOMENTS = sized(10)
const ROUNDS = sized(40)
const secretKey = 'a key for the bench'
const random = randomOf(4)

/** What others do at one moment; it was made before, so that making it is not measured. Resolves when they are gone. */
type Moment = () => Promise<unknown>

const server = await startServer(null, { historyLimit: 1000, atomicTimeout: 200 })
const locked = await startServer(null, { historyLimit: 1000, secretKey })

const said = (hostile: Buffer[]) => [Buffer.concat([opening, ...hostile, closing])]
await compare('250 messages of others each 20 ms', server.address, undefined, () => {
  const hostile = messages(random, 250, true)
  return pair(said(asGood(hostile)), said(hostile))
})
await compare('10 connections of others each 20 ms', server.address, undefined, () => {
  const hostile = Array.from({ length: 10 }, () => bytes(random))
  const good = hostile.map(({ length }) => Buffer.concat([opening, ping(length - opening.length), closing]))
  return pair(good, hostile)
})
await compare('2 handshakes of others each 20 ms', locked.address, secretKey, () => {
  const with2 = (key: (salt: string) => Uint8Array) => () =>
    Promise.all([handshake(locked.address, key), handshake(locked.address, key)])
  return {
    good: with2(salt => mustBeThere(derivedKey(secretKey, salt)).bytes),
    hostile: with2(() => randomBytes(32)),
  }
})
await Promise.all([server.stop(), locked.stop()])

async function compare(
  what: string,
  address: string,
  key: string | undefined,
  make: () => { good: Moment; hostile: Moment },
): Promise<void> {
  const calm = new State<{ n: number }>(address, { namespace: 'calm', secretKey: key })
  await calm.set('n', 1)
  const moments = Array.from({ length: MOMENTS }, make)
  const kinds = ['good', 'hostile'] as const
  const figures: Record<string, Samples> = { 'good ones': [], 'hostile ones': [] }
  for (let round = -2; round < ROUNDS; round++)
    // Neither is always the first.
    for (const kind of round % 2 === 0 ? kinds : kinds.toReversed()) {
      const figure = await beside(
        calm,
        moments.map(moment => moment[kind]),
      )
      if (round >= 0) figures[`${kind} ones`]?.push(figure)
    }
  mustBe('the state', await calm.get('n'), 1)
  report(`A client's calls beside ${what}`, 'per second', figures)
  await calm.close()
}

/** Calls of a client that awaits each, per second, while others do something every few milliseconds. */
async function beside(calm: State<{ n: number }>, moments: Moment[]): Promise<number> {
  let calls = 0
  let over = false
  const began = performance.now()
  const asking = (async () => {
    for (; !over; calls++) await calm.get('n')
  })()
  for (const moment of moments) {
    const next = new Promise(resolve => setTimeout(resolve, EVERY))
    await Promise.all([moment(), next])
  }
  over = true
  await asking
  return (calls / (performance.now() - began)) * 1000
}

/** Good messages, one for each of these and as long: of the kinds that the fuzz has, and texts where those are too short. */
function asGood(hostile: Buffer[]): Buffer[] {
  const good = messages(random, hostile.length, false)
  return hostile.map((message, i) => {
    const missing = message.length - (good[i] as Buffer).length
    if (missing <= 4) return good[i] as Buffer
    const text = 'x'.repeat(Math.max(0, message.length - 16))
    return encodeFrame([[Ask.set, i + 2, 1, 'key', text]])
  })
}

function ping(length: number): Buffer {
  return encodeFrame([[Ask.ping, 2, encode('x'.repeat(Math.max(0, length)))]])
}

function pair(good: Buffer[], hostile: Buffer[]) {
  return {
    good: () => Promise.all(good.map(converse)),
    hostile: () => Promise.all(hostile.map(converse)),
  }
}

/** Says all of it on a connection of its own, and hangs up a little later, if the server has not. */
async function converse(words: Buffer): Promise<void> {
  const socket = connect({ path: pathOf(server.address) })
  socket.write(words)
  socket.setTimeout(15, () => socket.destroy())
  await gone(socket)
}

/** Shakes hands with the key that stands for the secret at the server's salt, and hangs up. */
async function handshake(address: string, key: (salt: string) => Uint8Array): Promise<void> {
  const socket = connectTls({
    path: pathOf(address),
    pskCallback: salt => ({ psk: key(salt ?? ''), identity: 'zproc' }),
    ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
    maxVersion: 'TLSv1.2',
    checkServerIdentity: () => undefined,
  })
  socket.once('secureConnect', () => socket.end())
  await gone(socket)
}

function mustBeThere<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the server has told no salt')
  return value
}

function pathOf(address: string): string {
  return address.slice('ipc://'.length)
}

function gone(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    socket
      .on('error', () => {})
      .once('close', () => resolve())
      .resume()
  })
}
