// Random programs of calls, any number of them in flight, whose answers have 0 … 20 MB: all are answered as a Map answers
// them, a watcher and a view see every commit, and neither end needs memory for more than a few answers.
// `ZPROC_ANSWERS=200 npm run test:run server/answers` for more programs on each kind of connection.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { type AnyState, atomic, type ServerOptions, State, startServer } from 'zproc'
import { residentOf } from '../kit/memory.ts'
import { proxy } from '../kit/proxy.ts'

const PROGRAMS = Number(process.env.ZPROC_ANSWERS ?? 3)
const MB = 1 << 20
// Of one program: all that is answered, and how long that may take.
const BUDGET = 60 * MB
const PATIENCE = 20_000

interface Call {
  kind: 'get' | 'copy' | 'items' | 'values' | 'keys' | 'size' | 'set' | 'update' | 'delete' | 'take' | 'ping'
  key: string
  bytes: number
}
interface Round {
  calls: Call[]
  /** Milliseconds after which the connection is cut. */
  cuts: number[]
}

const call: fc.Arbitrary<Call> = fc.record({
  kind: fc.constantFrom<Call['kind'][]>(
    ...(['get', 'get', 'get', 'copy', 'items', 'values', 'keys', 'size', 'size'] as const),
    ...(['set', 'set', 'set', 'update', 'delete', 'take', 'ping'] as const),
  ),
  key: fc.constantFrom('a', 'b', 'c', 'd'),
  // As many below 100 bytes as above 100 kB.
  bytes: fc.integer({ min: 0, max: 100 }).map(n => Math.floor((20 * MB) ** (n / 100))),
})
const program: fc.Arbitrary<Round[]> = fc.array(
  fc.record({
    calls: fc.array(call, { minLength: 1, maxLength: 60, size: 'max' }),
    cuts: fc.array(fc.nat(30), { maxLength: 2 }),
  }),
  { minLength: 1, maxLength: 3 },
)

const take = atomic((all: AnyState, key: string) => {
  all.n = (all.n ?? 0) + 1
  return all[key]
})

const kinds: { name: string; options: ServerOptions; address: string | null; cut?: true }[] = [
  { name: 'ipc, a process', options: { backend: 'process' }, address: null },
  { name: 'ipc, inline', options: { backend: 'inline' }, address: null },
  { name: 'tcp, a thread', options: { backend: 'thread' }, address: 'tcp://127.0.0.1:0' },
  {
    name: 'tcp with a key, inline',
    options: { backend: 'inline', secretKey: 'muchsecret' },
    address: 'tcp://127.0.0.1:0',
  },
  { name: 'tcp, cut again and again', options: { backend: 'process' }, address: null, cut: true },
  {
    name: 'tcp with a key, cut again and again',
    options: { backend: 'process', secretKey: 'muchsecret' },
    address: 'tcp://127.0.0.1:0',
    cut: true,
  },
]

for (const { name, options, address, cut } of kinds)
  test(`calls in flight are all answered, whatever their answers weigh (${name})`, async t => {
    await fc.assert(
      fc.asyncProperty(program, async rounds => {
        const server = await startServer(address, options)
        try {
          const between = cut && (await proxy(t, server.address))
          const seen = run(rounds, between?.address ?? server.address, options.secretKey, () =>
            between?.cut(),
          )
          seen.catch(() => {})
          const late = sleep(PATIENCE, 'late', { ref: false })
          assert.notEqual(await Promise.race([seen, late]), 'late', 'a call is not answered')
        } finally {
          await server.stop()
        }
      }),
      { numRuns: PROGRAMS, interruptAfterTimeLimit: 60_000, ...(cut ? { seed: 2 } : { seed: 1 }) },
    )
  })

/** Runs a program; rejects if anything is not as on a Map. */
async function run(rounds: Round[], address: string, secretKey: string | undefined, cut: () => void) {
  const state = new State<AnyState>(address, { secretKey })
  const watcher = state.fork()
  const view = await state.view()
  const revisions: number[] = []
  await watcher.size()
  const loop = watcher.rawUpdates({ duplicateOkay: true })
  const watching = (async () => {
    for await (const { revision } of loop) revisions.push(revision)
  })()
  watching.catch(() => {})
  const model = new Model()
  for (const { calls, cuts } of rounds) {
    for (const ms of cuts) void sleep(ms).then(cut)
    await Promise.all(calls.map(one => model.run(state, one)))
  }
  while (view.revision < model.commits) await state.ping()
  assert.deepEqual(Object.keys(view.snapshot), [...model.values.keys()])
  for (const [key, value] of model.values) assert.ok(view.get(key) === value, key)
  while (revisions.length < model.commits) await state.ping()
  assert.deepEqual(
    revisions,
    Array.from({ length: model.commits }, (_, i) => i + 1),
  )
  await Promise.all([state.close(), watcher.close()])
}

/** What calls that one State makes have to be answered, which take effect in the order in which they are made. */
class Model {
  readonly values = new Map<string, unknown>()
  commits = 0
  #made = 0
  #left = BUDGET

  async run(state: State<AnyState>, { kind: asked, key, bytes }: Call): Promise<void> {
    const whole = ['copy', 'items', 'values'].includes(asked)
    const weight = whole
      ? this.#weight()
      : asked === 'set' || asked === 'update' || asked === 'ping'
        ? bytes
        : 0
    const answered = weight + (asked === 'get' || asked === 'take' ? this.#bytesOf(key) : 0)
    const kind = answered > this.#left ? 'size' : asked
    this.#left -= kind === asked ? answered : 0
    const { expected, made } = this.#make(state, kind, key, bytes)
    same(await made, expected, `${kind} ${key}`)
  }

  #make(state: State<AnyState>, kind: Call['kind'], key: string, bytes: number) {
    const { values } = this
    const one = (made: Promise<unknown>, expected?: unknown) => ({ made, expected })
    if (kind === 'get') return one(state.get(key), values.get(key))
    if (kind === 'copy') return one(state.copy(), Object.fromEntries(values))
    if (kind === 'items') return one(state.items(), [...values])
    if (kind === 'values') return one(state.values(), [...values.values()])
    if (kind === 'keys') return one(state.keys(), [...values.keys()])
    if (kind === 'size') return one(state.size(), values.size)
    if (kind === 'ping')
      return one(
        state.ping({ sentPayload: Buffer.alloc(bytes) }).then(pid => pid !== null),
        true,
      )
    if (kind === 'delete') {
      const was = values.delete(key)
      if (was) this.commits++
      return one(state.delete(key), was)
    }
    this.commits++
    if (kind === 'take') {
      const n = Number(values.get('n') ?? 0) + 1
      values.set('n', n)
      return one(take(state, key), values.get(key))
    }
    const value = `${++this.#made} ${'x'.repeat(bytes)}`
    if (kind === 'set') {
      values.set(key, value)
      return one(state.set(key, value))
    }
    for (const name of [key, 'e']) values.set(name, value.slice(0, bytes >> 1))
    return one(state.update({ [key]: value.slice(0, bytes >> 1), e: value.slice(0, bytes >> 1) }))
  }

  #bytesOf = (key: string): number => String(this.values.get(key) ?? '').length

  #weight(): number {
    let sum = 0
    for (const key of this.values.keys()) sum += this.#bytesOf(key)
    return sum
  }
}

/** Told without the texts, which are long. */
function same(got: unknown, expected: unknown, what: string): void {
  try {
    assert.deepEqual(got, expected)
  } catch {
    throw new Error(`${what}: got ${brief(got)}, not ${brief(expected)}`)
  }
}

const brief = (value: unknown): string =>
  JSON.stringify(value, (_, part) =>
    typeof part === 'string' && part.length > 30 ? `${part.slice(0, 20)}… of ${part.length}` : part,
  ) ?? 'undefined'

/** The most memory that a process had while `run` ran, beyond what it had before, in MB. */
async function peak(pid: number, run: () => Promise<unknown>): Promise<number> {
  const before = residentOf(pid)
  let most = before
  const timer = setInterval(() => {
    most = Math.max(most, residentOf(pid))
  }, 2)
  await run()
  clearInterval(timer)
  return most - before
}

test('400 MB of answers in flight need memory for a few of them, at both ends', {
  skip: process.platform !== 'linux' && 'memory is read from /proc',
}, async (t: TestContext) => {
  const server = await startServer(null)
  t.after(() => server.stop())
  const state = new State<AnyState>(server.address)
  t.after(() => state.close())
  await state.set('big', 'x'.repeat(2 * MB))
  const ask = async (count: number) => {
    const lengths = Array.from({ length: count }, async () => ((await state.get('big')) as string).length)
    assert.deepEqual(new Set(await Promise.all(lengths)), new Set([2 * MB]))
  }
  await ask(20)
  let here = 0
  const there = await peak(server.pid, async () => {
    here = await peak(process.pid, () => ask(200))
  })
  assert.ok(there < 100, `the server grew by ${there.toFixed()} MB`)
  assert.ok(here < 300, `the client grew by ${here.toFixed()} MB`)
})
