import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type AnyState, atomic, type Server, State, startServer } from 'zproc'
import { parseAddress } from '../../src/protocol/address.ts'
import { decodeLent, encodeFrame, FrameReader } from '../../src/protocol/frames.ts'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { Tell } from '../../src/protocol/messages.ts'
import { inUse, residentOf } from '../kit/memory.ts'
import { bytes, closing, LAST, messages, opening, randomOf } from './inputs.ts'

// How many inputs a run has. `ZPROC_FUZZ_INPUTS=9000000 ZPROC_FUZZ_SEED=7 npm run test:run fuzz` for more, and others.
const INPUTS = Number(process.env.ZPROC_FUZZ_INPUTS ?? 1_000_000)
/** Those of earlier findings stay. */
const SEEDS = process.env.ZPROC_FUZZ_SEED ? [Number(process.env.ZPROC_FUZZ_SEED)] : [1, 2]
const PER_CONNECTION = 250

for (const seed of SEEDS)
  test(`a server takes ${INPUTS / SEEDS.length} hostile inputs, and nobody else notices (seed ${seed})`, async t => {
    const server = await quietServer(t)
    const calm = new State<AnyState>(server.address, { namespace: 'calm' })
    t.after(() => calm.close())
    await calm.set('n', 0)
    const random = randomOf(seed)
    const round = async (hostile: boolean) => {
      const said = messages(random, PER_CONNECTION, hostile)
      return converse(server, Buffer.concat([opening, ...said, closing]))
    }
    // Warm before it is measured.
    for (let i = 0; i < 40; i++) await round(i % 2 === 0)
    const before = await inUse(calm)
    let [handled, wrote] = [0, 0]
    let over = false
    const writing = (async () => {
      while (!over) {
        await calm.set('n', ++wrote)
        assert.equal(await calm.get('n'), wrote)
      }
    })()
    let grownUp = 0
    while (handled < INPUTS / SEEDS.length) {
      if (grownUp === 0 && handled > INPUTS / SEEDS.length / 2) grownUp = residentOf(server.pid)
      handled += await round(true)
      const [first, second] = [bytes(random), bytes(random)]
      await Promise.all([converse(server, first), converse(server, Buffer.concat([opening, second]))])
      handled += 2
    }
    over = true
    await writing
    assert.ok(wrote > 100, `the other client came to ${wrote} calls`)
    assert.deepEqual(await calm.copy(), { n: wrote })
    const polluted = atomic(() => [
      ({} as { polluted?: unknown }).polluted,
      Object.keys(Object.prototype),
      Object.keys(Array.prototype),
    ])
    assert.deepEqual(await polluted(calm), [undefined, [], []])
    const grown = (await inUse(calm)) - before
    assert.ok(grown < 8, `the server holds ${grown} MB more after ${handled} inputs`)
    // Of memory that is not V8's: its young generation grows in the first half to the most that it may take, on Node 24 to 150 MB.
    const resident = residentOf(server.pid) - grownUp
    assert.ok(resident < 40, `the server takes ${resident} MB more at the end of ${handled} inputs`)
    t.diagnostic(
      `${handled} inputs, ${wrote} calls beside them, ${grown.toFixed(1)} MB held, ${Math.round(resident)} MB taken`,
    )
  })

test('ten thousand connections that say nothing leave room for one that does', async t => {
  const server = await quietServer(t, { maxHalfOpen: 500 })
  const calm = new State<AnyState>(server.address)
  t.after(() => calm.close())
  await calm.set('n', 0)
  const before = residentOf(server.pid)
  for (let wave = 0; wave < 20; wave++) {
    const silent = Array.from({ length: 500 }, () => dial(server))
    await Promise.all(silent.map(socket => once(socket, 'connect')))
    // Somebody new gets in, and who is in goes on.
    const fresh = new State<AnyState>(
      `${server.address.replace('ipc:///', `ipc:///${'/'.repeat(wave + 1)}`)}`,
    )
    assert.equal(await fresh.get('n'), wave)
    await fresh.close()
    await calm.set('n', wave + 1)
    const closed = silent.map(socket => socket.destroyed || once(socket, 'close'))
    for (const socket of silent) socket.destroy()
    await Promise.all(closed)
  }
  const grown = residentOf(server.pid) - before
  assert.ok(grown < 80, `the server grew by ${grown} MB`)
})

test('handshakes of garbage do not stop those who hold the key', async t => {
  const secretKey = 'muchsecret'
  const server = await quietServer(t, { secretKey })
  const calm = new State<AnyState>(server.address, { secretKey })
  t.after(() => calm.close())
  const random = randomOf(3)
  for (let i = 0; i < 500; i++) {
    const noise = Buffer.from(Array.from({ length: 100 }, () => Math.floor(random() * 256)))
    await converse(server, Buffer.concat([Buffer.from([0x16, 3, 1, 0, 95]), noise]))
    if (i % 50 === 0) await calm.set('n', i)
  }
  assert.deepEqual(await calm.copy(), { n: 450 })
})

async function quietServer(t: TestContext, options = {}): Promise<Server> {
  const server = await startServer(null, { historyLimit: 1000, atomicTimeout: 2000, ...options })
  t.after(() => server.stop())
  return server
}

function dial(server: Server): Socket {
  return connect(parseAddress(server.address, 'fuzz').where).on('error', () => {})
}

/** Says all of it; how many answers came until the last one, or until the server hung up. */
async function converse(server: Server, said: Buffer): Promise<number> {
  const socket = dial(server)
  let answers = 0
  const reader = new FrameReader(2 ** 32)
  socket.on('data', (chunk: Buffer) =>
    reader.read(chunk, (...lent) => {
      for (const reply of decodeLent(...lent) as unknown[]) {
        // Else it is part of a hello.
        if (!Array.isArray(reply)) continue
        const [kind, id, fn, many] = reply as number[]
        if (kind === Tell.unknownFunction) {
          if (socket.writableEnded) continue
          socket.write(encodeFrame([[Ask.define, fn, null, null]]))
          continue
        }
        answers += kind === Tell.done ? (many as number) : 1
        if (id === LAST) socket.end()
      }
    }),
  )
  socket.write(said)
  // What waits for more, or is content, is not waited for.
  if (!said.subarray(-closing.length).equals(closing)) socket.end()
  await once(socket, 'close')
  return answers
}
