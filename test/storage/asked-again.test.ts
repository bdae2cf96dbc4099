// Calls that were carried out, and whose answers were lost when the server ended: asked again, they come to what they came to,
// in their order. ROUNDS=n sets how many sequences of calls there are, SEED=n the first seed.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type AnyState, atomic, State, startServer } from 'zproc'
import { type Random, random } from '../history/random.ts'
import { proxy } from '../kit/proxy.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 12)
const SEED = Number(process.env.SEED ?? 1)

type Model = Map<string, number>
interface Call {
  name: string
  call(state: State<AnyState>): Promise<unknown>
  /** What it returns, and does to the model. */
  expected(model: Model): unknown
}

const add = atomic((state: AnyState, key: string) => {
  state[key] = (state[key] ?? 0) + 1
  return state[key]
})

const look = atomic((state: AnyState, key: string) => state[key] ?? 'none')

function drawCall(choices: Random, i: number): Call {
  const key = `k${choices.below(3)}`
  const calls: Call[] = [
    { name: `get ${key}`, call: s => s.get(key), expected: m => m.get(key) },
    { name: `has ${key}`, call: s => s.has(key), expected: m => m.has(key) },
    { name: 'copy', call: s => s.copy(), expected: m => Object.fromEntries(m) },
    { name: `set ${key}`, call: s => s.set(key, i), expected: m => void m.set(key, i) },
    { name: `delete ${key}`, call: s => s.delete(key), expected: m => m.delete(key) },
    {
      name: `pop ${key}`,
      call: s => s.pop(key, 'none'),
      expected: m => {
        const value = m.get(key) ?? 'none'
        m.delete(key)
        return value
      },
    },
    {
      name: `setDefault ${key}`,
      call: s => s.setDefault(key, i),
      expected: m => {
        if (!m.has(key)) m.set(key, i)
        return m.get(key)
      },
    },
    {
      name: `add ${key}`,
      call: s => add(s, key),
      expected: m => m.set(key, (m.get(key) ?? 0) + 1).get(key),
    },
  ]
  calls.push({ name: `look ${key}`, call: s => look(s, key), expected: m => m.get(key) ?? 'none' })
  return choices.pick(calls)
}

async function round(t: TestContext, seed: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'zproc-again-'))
  const address = `ipc://${join(folder, 'socket')}`
  const choices = random(seed)
  const options = {
    backend: 'inline',
    data: join(folder, 'data'),
    historyLimit: choices.pick([2, 1000]),
  } as const
  let server = await startServer(address, options)
  const way = await proxy(t, address)
  const [state, other] = [new State<AnyState>(way.address), new State<AnyState>(address)]
  try {
    const model: Model = new Map()
    await add(state, 'first')
    model.set('first', 1)
    const calls = Array.from({ length: 12 }, (_, i) => drawCall(choices, i))
    const expected = calls.map(({ expected }) => expected(model))
    model.set('end', 1)
    // What is asked arrives and takes effect; no answer comes back.
    way.deafen()
    const results = Promise.all([...calls.map(({ call }) => call(state)), state.set('end', 1)])
    await other.getWhenAvailable('end', { timeout: 20_000 })
    await server.stop()
    server = await startServer(address, options)
    way.cut()
    const found = await results
    for (const [i, { name }] of calls.entries())
      assert.deepEqual(
        found[i],
        expected[i],
        `seed ${seed}: ${name}, call ${i} of ${calls.map(call => call.name)}`,
      )
    assert.deepEqual(await other.copy(), Object.fromEntries(model), `seed ${seed}`)
  } finally {
    await state.close()
    await other.close()
    await server.stop()
    rmSync(folder, { recursive: true })
  }
}

test(`${ROUNDS} sequences of calls whose answers were lost come to what they came to`, async t => {
  for (let i = 0; i < ROUNDS; i++) await round(t, SEED + i)
})
