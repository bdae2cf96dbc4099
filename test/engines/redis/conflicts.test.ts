// Functions and methods of several processes at once on one namespace in Redis: a commit meets a conflict only where another has
// written what it read, and a process has of the state what it touched. Programs from a seed; the log says in which order the calls
// came, and each must have given what it gives on a plain object in that order. ZPROC_CONFLICTS sets how many programs (30).
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { atomic, State } from 'zproc'
import { Reads } from '../../../src/engines/redis/reads.ts'
import { noRedis, type RedisHome, type RedisServer, startCluster, startRedis } from '../../kit/redis.ts'

const PROGRAMS = Number(process.env.ZPROC_CONFLICTS ?? 30)

type Table = Record<string, unknown>
/** What a call does: `n` is unique. */
type Op = { do: string; key: string; other: string; n: number; by: number }

/** As on a plain object. `by` counts the calls of one client, so that each makes a commit. */
function act(state: Table, op: Op): unknown {
  const { key, other, n, by } = op
  const number = (at: string) => (typeof state[at] === 'number' ? (state[at] as number) : -1)
  state[`calls ${by}`] = n
  if (op.do === 'write') state[key] = n
  else if (op.do === 'increment') state[key] = number(key) + 1
  else if (op.do === 'copy') state[key] = number(other)
  else if (op.do === 'delete') delete state[key]
  else if (op.do === 'has') state[key] = other in state ? n : -n
  // Only which keys there are: `Object.keys` reads what is at each as well.
  else if (op.do === 'list')
    state[key] = Reflect.ownKeys(state)
      .filter(at => String(at).length === 1)
      .join('')
  else if (op.do === 'count') state[key] = Reflect.ownKeys(state).length
  else if (op.do === 'sum')
    state[key] = Object.values(state).filter(value => typeof value === 'number').length
  else if (op.do === 'each') state[key] = 'abcdefgh'.split('').reduce((sum, at) => sum + number(at), 0)
  // So large that a digest of it is compared.
  else if (op.do === 'large') state[key] = `${n}`.padStart(1500, 'x')
  else if (op.do === 'end of large') state[key] = String(state[other]).slice(-4)
  else if (op.do === 'nested') state[key] = { of: number(other), list: [n] }
  else if (op.do === 'step') {
    const part = state[key]
    if (typeof part === 'object' && part !== null) (part as { list: number[] }).list.push(n)
  }
  return [state[key], other in state]
}

const shipped = atomic((state: Table, op: Op) => act(state, op))
// A function of its own: one that has read which keys there are is run on the whole state the next time.
const lists = ['list', 'count', 'sum']
const listing = atomic((state: Table, op: Op) => act(state, op))
const held = atomic(async (state: Table, op: Op) => act(state, op))

/** Methods, which read nothing: what is to be there afterwards, besides what was or in its place. */
const blind = (op: Op): Table => ({ [`calls ${op.by}`]: op.n, [op.key]: -op.n })

async function make(state: State<Table>, op: Op): Promise<unknown> {
  if (op.do === 'async increment') return held(state, { ...op, do: 'increment' })
  if (op.do === 'update') return state.update(blind(op))
  if (op.do === 'replace') return state.set(blind(op))
  return lists.includes(op.do) ? listing(state, op) : shipped(state, op)
}

function makeOn(model: Table, op: Op): unknown {
  if (op.do === 'async increment') return act(model, { ...op, do: 'increment' })
  if (op.do !== 'update' && op.do !== 'replace') return act(model, op)
  if (op.do === 'replace') for (const key of Object.keys(model)) delete model[key]
  Object.assign(model, blind(op))
  return undefined
}

const CLIENTS = 4
const key = fc.constantFrom(...'abcdefgh')
const often = ['write', 'increment', 'copy', 'delete', 'has', 'step', 'update']
const seldom = [
  'list',
  'count',
  'sum',
  'each',
  'large',
  'end of large',
  'nested',
  'replace',
  'async increment',
]
const op = fc.record({
  do: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...often) },
    { weight: 1, arbitrary: fc.constantFrom(...seldom) },
  ),
  key,
  other: key,
  by: fc.nat({ max: CLIENTS - 1 }),
})
const program = fc.record({
  ops: fc.array(op, { minLength: 2, maxLength: 60, size: 'max' }),
  /** Whether a client makes all of its calls at once, or one after the other. */
  atOnce: fc.array(fc.boolean(), { minLength: CLIENTS, maxLength: CLIENTS }),
})

interface Program {
  ops: readonly Omit<Op, 'n'>[]
  atOnce: readonly boolean[]
}

let connections = 0

/** So many States that share nothing, not with those before either: the timeout to connect is part of what tells connections apart. */
const apart = (address: string, namespace: string, count: number) =>
  Array.from({ length: count }, (_, i) => {
    const own = `${address}?connectTimeout=${20_000 + connections++}`
    return new State<Table>(own, { namespace }, { name: `${i}` })
  })

/** Makes the calls, all clients at once, and compares each with the model in the order of the log. */
async function run(address: string, { ops, atOnce }: Program): Promise<void> {
  const clients = apart(address, randomUUID(), CLIENTS)
  const [witness] = clients
  const initial: Table = { a: 0, b: 1, ...Object.fromEntries(clients.map((_, i) => [`calls ${i}`, -1])) }
  await witness!.set(initial)
  const from = await revisionOf(witness!)
  const all = ops.map((op, n) => ({ ...op, n }))
  const results: unknown[] = []
  const call = async (op: Op) => {
    results[op.n] = await make(clients[op.by]!, op)
  }
  await Promise.all(
    clients.map(async (_, i) => {
      const own = all.filter(({ by }) => by === i)
      if (atOnce[i]) await Promise.all(own.map(call))
      else for (const op of own) await call(op)
    }),
  )
  const model: Table = { ...initial }
  const next = clients.map((_, by) => all.filter(op => op.by === by)[Symbol.iterator]())
  let seen = 0
  for await (const { by, after } of witness!.history({ from: from + 1 })) {
    const op = next[Number(by.name)]!.next().value as Op
    const result = makeOn(model, op)
    assert.deepEqual(results[op.n], result, `the result of call ${op.n}, ${JSON.stringify(op)}`)
    assert.deepEqual({ ...after }, model, `the state after call ${op.n}, ${JSON.stringify(op)}`)
    assert.deepEqual(Object.keys(after), Object.keys(model), 'the order of the keys')
    seen++
  }
  assert.equal(seen, all.length)
  assert.deepEqual({ ...(await clients[1]!.copy()) }, model)
  await Promise.all(clients.map(client => client.close()))
}

async function revisionOf(state: State<Table>): Promise<number> {
  const view = await state.view()
  const { revision } = view
  view.close()
  return revision
}

const forgotten = [
  ['value', 'a value'],
  ['presence', 'whether there is a key'],
  ['list', 'which keys there are'],
] as const

for (const [name, start] of [
  ['redis', () => startRedis(['--appendonly', 'no'])],
  ['a cluster of three', () => startCluster()],
] as const)
  describe(`conflicts on ${name}`, { skip: noRedis }, () => {
    let home: RedisHome
    before(async () => {
      home = await start()
    })
    after(() => home?.stop())

    test('every call has the result and the effect that it has in the order of the log', async () => {
      await fc.assert(
        fc.asyncProperty(program, program => run(home.address, program)),
        { numRuns: PROGRAMS },
      )
    })

    // What is compared is the same in a cluster.
    for (const [kind, what] of name === 'redis' ? forgotten : [])
      test(`a build that forgets that ${what} was read is found`, async t => {
        t.mock.method(Reads.prototype, kind, () => {})
        const outcome = await fc.check(
          fc.asyncProperty(program, program => run(home.address, program)),
          { numRuns: 500, endOnFailure: true },
        )
        assert.equal(outcome.failed, true)
      })
  })

const increment = atomic((state: Table, key: string) => {
  state[key] = ((state[key] as number | undefined) ?? 0) + 1
  return state[key]
})

describe('what functions cost in Redis', { skip: noRedis }, () => {
  let home: RedisHome
  before(async () => {
    home = await startRedis(['--appendonly', 'no'])
  })
  after(() => home?.stop())

  const info = async (section: string, field: RegExp) => {
    const [server] = home.servers as [RedisServer]
    return Number(field.exec(String(await server.command('INFO', section)))?.[1] ?? 0)
  }
  const scriptsRun = () => info('commandstats', /cmdstat_evalsha:calls=(\d+)/)

  test('writers of different keys need one round trip for each call', async () => {
    const clients = apart(home.address, randomUUID(), 4)
    await Promise.all(clients.map((client, i) => increment(client, `${i}`)))
    const begun = await scriptsRun()
    for (let n = 0; n < 100; n++) await Promise.all(clients.map((client, i) => increment(client, `${i}`)))
    const scripts = (await scriptsRun()) - begun
    assert.ok(scripts <= 400 + 20, `${scripts} runs of scripts for 400 calls`)
    assert.deepEqual({ ...(await clients[0]!.copy()) }, { 0: 101, 1: 101, 2: 101, 3: 101 })
    await Promise.all(clients.map(client => client.close()))
  })

  test('a process that touches few keys of many reads these alone', async t => {
    const namespace = randomUUID()
    const [writer, state] = apart(home.address, namespace, 2) as [State<Table>, State<Table>]
    t.after(() => Promise.all([writer.close(), state.close()]))
    for (let i = 0; i < 50; i++)
      await writer.update(Object.fromEntries(Array.from({ length: 1000 }, (_, k) => [`${i} ${k}`, k])))
    await state.size()
    const begun = await info('stats', /total_net_output_bytes:(\d+)/)
    for (let i = 0; i < 10; i++) assert.equal(await increment(state, `${i} ${i}`), i + 1)
    assert.equal(await state.pop('20 7'), 7)
    assert.equal(await state.setDefault('20 8', 'new'), 8)
    assert.equal(await state.delete('20 9'), true)
    assert.equal(await state.delete('20 9'), false)
    const bytes = (await info('stats', /total_net_output_bytes:(\d+)/)) - begun
    assert.ok(bytes < 20_000, `Redis sent ${bytes} bytes`)
  })

  test('a function that touches many keys, one after the other, has each of them', async t => {
    const [writer, state] = apart(home.address, randomUUID(), 2) as [State<Table>, State<Table>]
    t.after(() => Promise.all([writer.close(), state.close()]))
    await writer.update(Object.fromEntries(Array.from({ length: 5000 }, (_, k) => [`${k}`, k])))
    const sum = atomic((table: Table, count: number) => {
      let sum = 0
      for (let k = 0; k < count; k++) sum += table[`${k}`] as number
      table.sum = sum
      return sum
    })
    for (const count of [10, 20, 100, 5000]) assert.equal(await sum(state, count), (count * (count - 1)) / 2)
    await writer.set('7', 1007)
    assert.equal(await sum(state, 20), 190 + 1000)
  })

  test('a process that touches more than it keeps goes on', async t => {
    const [state] = apart(home.address, randomUUID(), 1) as [State<Table>]
    t.after(() => state.close())
    const append = atomic((table: Table, key: string, text: string) => {
      table[key] = ((table[key] as string | undefined) ?? '') + text
      return (table[key] as string).length
    })
    const text = 'x'.repeat(1_000_000)
    for (const length of [1_000_000, 2_000_000])
      for (let i = 0; i < 30; i++) assert.equal(await append(state, `${i}`, text), length)
  })
})
