import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { ConnectionError, type Server, startServer } from 'zproc'
import { type Hello, PROTOCOL, type ServerHello, VERSION } from '../../src/protocol/messages.ts'
import { raw } from '../kit/raw.ts'

// ZPROC_RACES: how many runs of races there are, 100 by default, 20 races in each.
const RUNS = Number(process.env.ZPROC_RACES ?? 100)
const AT_ONCE = 20

const directory = mkdtempSync(join(tmpdir(), 'one-server-'))
after(() => rmSync(directory, { recursive: true }))
let count = 0

interface Race {
  /** What is at the path before. */
  before: 'nothing' | 'stale' | 'server' | 'stopping'
  /** When each starter begins, and how long after its start it stops, in turns of the event loop. */
  starters: { at: number; stopsAfter: number | null }[]
}

const races: fc.Arbitrary<Race> = fc.record({
  before: fc.constantFrom('nothing', 'stale', 'stale', 'server', 'stopping'),
  starters: fc.array(
    fc.record({ at: fc.nat(12), stopsAfter: fc.option(fc.nat(12), { nil: null, freq: 1 }) }),
    { minLength: 1, maxLength: 5 },
  ),
})

test('of the servers that start at one address at once one serves, and none is left behind', {
  skip: process.platform === 'win32',
}, async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(races, { minLength: 1, maxLength: AT_ONCE }), all =>
      Promise.all(all.map(race => run(t, race))).then(() => {}),
    ),
    { numRuns: RUNS, endOnFailure: false },
  )
})

for (const before of ['stale', 'stopping'] as const)
  test(`a program that computes meanwhile starts a server all the same: ${before}`, {
    skip: process.platform === 'win32',
  }, async () => {
    const path = join(directory, `${count++}.sock`)
    const first =
      before === 'stopping' ? await startServer(`ipc://${path}`, { backend: 'inline' }) : undefined
    if (before === 'stale') await leaveStale(path)
    const stopped = first?.stop()
    const started = startServer(`ipc://${path}`, { backend: 'inline' })
    let settled = false
    const over = () => {
      settled = true
    }
    started.then(over, over)
    // In the middle of a turn of the event loop, for longer than the end of another server is waited for.
    for (let i = 1; i <= 500 && !settled; i++) {
      const until = performance.now() + 10
      while (performance.now() < until);
      if (i % 50 === 0) await turn()
      else await undefined
    }
    await (await started).stop()
    await stopped
  })

async function run(t: TestContext, { before, starters }: Race): Promise<void> {
  const home = join(directory, `${count++}`)
  const path = `${home}.sock`
  const serving = new Map<number, Server>()
  const start = async (id: number) => {
    const server = await startServer(`ipc://${path}`, { backend: 'inline', maxInFlight: id })
    assert.deepEqual([...serving.keys()], [], `server ${id} serves beside another`)
    serving.set(id, server)
    return server
  }
  const stop = (id: number) => {
    const server = serving.get(id)
    serving.delete(id)
    return server?.stop()
  }
  if (before === 'stale') await leaveStale(path)
  const first = before === 'server' || before === 'stopping' ? await start(1) : undefined
  const stopping = before === 'stopping' ? stop(1) : undefined
  const outcomes = await Promise.all(
    starters.map(async ({ at, stopsAfter }, index) => {
      const id = index + 2
      await turns(at)
      try {
        await start(id)
      } catch (error) {
        assert.ok(error instanceof ConnectionError, `${error}`)
        assert.match(error.message, /is taken/)
        return false
      }
      if (stopsAfter === null) return true
      await turns(stopsAfter)
      await stop(id)
      return true
    }),
  )
  await stopping
  if (first === undefined || stopping) assert.ok(outcomes.includes(true), 'no server has started')
  const [left] = serving
  if (left) {
    assert.equal((await helloAt(t, path)).maxInFlight, left[0])
    await stop(left[0])
  }
  assert.deepEqual(
    readdirSync(directory).filter(name => join(directory, name).startsWith(`${home}.`)),
    [],
  )
}

/** What the server at the path says of itself. */
async function helloAt(t: TestContext, path: string): Promise<ServerHello> {
  const client = await raw(t, `ipc://${path}`)
  client.say([PROTOCOL, VERSION, {}])
  const [, , hello] = (await client.hear()) as Hello
  client.socket.destroy()
  return hello as ServerHello
}

async function turns(number: number): Promise<void> {
  for (let i = 0; i < number; i++) await turn()
}

/** The file of a server that was killed. */
async function leaveStale(path: string): Promise<void> {
  const server = createServer()
  await once(server.listen(`${path}.bound`), 'listening')
  renameSync(`${path}.bound`, path)
  server.close()
  await once(server, 'close')
}

const starter = fileURLToPath(new URL('./fixtures/starter.ts', import.meta.url))
const ROUNDS = Math.ceil(RUNS / 10)

test('processes that are killed while they start or serve leave the address free, and nothing else', {
  skip: process.platform === 'win32',
}, async t => {
  const path = join(directory, 'killed', 's.sock')
  mkdirSync(join(directory, 'killed'))
  let actors = await Promise.all([1, 2, 3].map(() => Actor.begin(t, path)))
  for (let round = 0; round < ROUNDS; round++) {
    const said = actors.map(actor => actor.start())
    // While it starts, or a while later.
    await delay(round % 3 === 0 ? 0 : round)
    const [victim, ...others] = actors as [Actor, Actor, Actor]
    victim.kill()
    const outcomes = await Promise.all(said)
    for (const outcome of outcomes) assert.match(outcome, /^(serves|killed|ConnectionError: .*is taken)/)
    const serving = others.filter(actor => outcomes[actors.indexOf(actor)] === 'serves')
    if (serving.length === 0) {
      // All have met the one that was killed.
      serving.push(others[0] as Actor)
      assert.equal(await (others[0] as Actor).start(), 'serves')
    }
    assert.equal(serving.length, 1, `${outcomes}`)
    const [winner] = serving as [Actor]
    assert.equal((await helloAt(t, path)).pid, winner.pid)
    const loser = others.find(actor => actor !== winner) as Actor
    assert.match(await loser.start(), /is taken/)
    await winner.stop()
    assert.equal(existsSync(path), false)
    actors = [...others, await Actor.begin(t, path)]
  }
  for (const actor of actors) actor.kill()
  // Their guards remove what is left.
  const left = () => readdirSync(dirname(path))
  for (let i = 0; i < 1000 && left().length > 0; i++) await delay(10)
  assert.deepEqual(left(), [])
})

/** A process that starts and stops a server at the path when it is told to. */
class Actor {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  static async begin(t: TestContext, path: string): Promise<Actor> {
    const child = fork(starter, [`ipc://${path}`], { execArgv: ['--import', 'tsx'] })
    t.after(() => child.kill('SIGKILL'))
    await once(child, 'message')
    return new Actor(child)
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  start(): Promise<string> {
    return this.#ask('start')
  }

  async stop(): Promise<void> {
    assert.equal(await this.#ask('stop'), 'stopped')
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async #ask(what: string): Promise<string> {
    const answer = once(this.#child, 'message').then(([said]) => said as string)
    const killed = once(this.#child, 'exit').then(() => 'killed')
    this.#child.send(what, () => {})
    return Promise.race([answer, killed])
  }
}
