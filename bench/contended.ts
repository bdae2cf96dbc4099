// Four processes increment one counter, 100 calls in flight each: how many a second, and is the total exact?
// Where threads of one process will do, memory that they share wins by far: Atomics.add asks nobody.
import { Worker } from 'node:worker_threads'
import { atomic, State, startServer } from 'zproc'
import { placeByTurns } from './kit/cores.ts'
import { type Crew, startCrew, workWhenTold } from './kit/crew.ts'
import { type MeansName, means, startOpponents } from './kit/keeper.ts'
import { inTurn, mustBe, pipelined, sized } from './kit/measure.ts'
import { keep } from './kit/messages.ts'
import { report } from './kit/report.ts'

const EACH = sized(50_000)
// Before each round: whoever was idle while others had their turn begins slowly, which is another question.
const WARM = sized(25_000)
const WARM_ROUNDS = 3
const ROUNDS = sized(7)
const TEAM = 4
const THREADS = 'worker_threads, Atomics.add'
const MESSAGES = 'child_process messages'
type Counter = Record<string, number>
const increment = atomic((state: Counter) => {
  state.count = (state.count as number) + 1
})

interface Team {
  /** All of them make so many calls. */
  work(each: number): Promise<unknown>
  total(): unknown
  end(): unknown
}

if (process.send) {
  const [, , kind = '', address = '', namespace] = process.argv
  workWhenTold(await worker(kind, address, namespace))
} else {
  const server = await startServer()
  const opponents = await startOpponents()
  const teams: Record<string, Team> = {
    'zproc, 10 keys': await zprocTeam(server.address, 'few', 10),
    'zproc, 100,000 keys': await zprocTeam(server.address, 'many', sized(100_000)),
  }
  for (const { name, address, one } of opponents)
    if (name !== MESSAGES)
      teams[name] = {
        ...(await team(name, address)),
        total: () => one.get('count'),
      }
  teams[MESSAGES] = await messagesTeam()
  teams[THREADS] = threadsTeam()

  const candidates = Object.entries(teams).map(([name, team]) => [name, () => rate(team)] as const)
  const figures: Record<string, number[]> = await inTurn(ROUNDS, Object.fromEntries(candidates), WARM_ROUNDS)
  const { [THREADS]: threads = [], ...processes } = figures
  report('Four processes, one counter', 'per second', processes)
  report('Four threads of one process, one counter', 'per second', { [THREADS]: threads })
  for (const [name, { total, end }] of Object.entries(teams)) {
    mustBe(`the total of ${name}`, Number(await total()), (WARM_ROUNDS + ROUNDS) * TEAM * (WARM + EACH))
    await end()
  }
  for (const { stop } of opponents) await stop()
  await server.stop()
}

async function rate({ work }: Team): Promise<number> {
  await work(WARM)
  const began = performance.now()
  await work(EACH)
  return (TEAM * EACH * 1000) / (performance.now() - began)
}

async function worker(kind: string, address: string, namespace?: string): Promise<Team['work']> {
  if (kind === 'zproc') {
    const state = new State<Counter>(address, { namespace })
    await state.size()
    return each => pipelined(each, 100, () => increment(state))
  }
  const keeper = await means[kind as MeansName].ask(address, true)
  return each => pipelined(each, 100, () => keeper.increment('count'))
}

/** Spread over the cores: left alone, now all of them are put on one with the server, now not, which is twice as fast. */
async function team(...args: string[]): Promise<Crew> {
  const crew = await startCrew(import.meta.url, TEAM, args)
  placeByTurns(...crew.children.map(({ pid }) => pid as number))
  return crew
}

async function zprocTeam(address: string, namespace: string, size: number): Promise<Team> {
  const state = new State<Counter>(address, { namespace })
  for (let i = 0; i < size; i += 1000)
    await state.update(
      Object.fromEntries(Array.from({ length: Math.min(size - i, 1000) }, (_, k) => [`k${i + k}`, k])),
    )
  await state.set('count', 0)
  const crew = await team('zproc', address, namespace)
  return { ...crew, total: () => state.get('count') }
}

/** Here the parent is who keeps the table: children of one parent have no channel to each other. */
async function messagesTeam(): Promise<Team> {
  const crew = await team(MESSAGES, 'parent')
  const table = keep(...crew.children)
  return { ...crew, total: () => table('get', 'count') }
}

function threadsTeam(): Team {
  const counter = new Int32Array(new SharedArrayBuffer(4))
  const threads = Array.from(
    { length: TEAM },
    () => new Worker(new URL('./kit/adder.mjs', import.meta.url), { workerData: { counter } }),
  )
  return {
    work: each => {
      const done = threads.map(thread => new Promise(resolve => thread.once('message', resolve)))
      for (const thread of threads) thread.postMessage(each)
      return Promise.all(done)
    },
    total: () => Atomics.load(counter, 0),
    end: () => Promise.all(threads.map(thread => thread.terminate())),
  }
}
