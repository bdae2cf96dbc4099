// Calls that are made together take effect in the order in which they are made, also those of functions that the server has
// forgotten, and those that come while a function's code is on its way. `ZPROC_ORDERS=500` for more programs.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { type AnyState, atomic, State } from 'zproc'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { type Grant, PROTOCOL, Tell, VERSION } from '../../src/protocol/messages.ts'
import { type Raw, raw } from '../kit/raw.ts'
import { type OwnRoom, room } from '../kit/servers.ts'

// More than the server keeps, and than a session has numbers for.
const FORGETTING = 1001

interface Table {
  n: number
  log: string[]
}

const makers = Array.from({ length: 4 }, (_, number) => {
  const text = `${number} ${number % 2 ? 'x'.repeat(50_000) : ''}`
  return atomic((all: Table, by: number) => {
    all.n += by
    all.log.push(`${text.slice(0, 1)} ${all.n}`)
    return all.n
  })
})
const fails = atomic((all: Table) => {
  all.n = -1
  throw new Error(`fails at ${all.log.length}`)
})

type Step = { call: 'forget' | 'fail' | 'set' | 'get' | 'run'; number: number; by: number }
const step: fc.Arbitrary<Step> = fc.record({
  call: fc.constantFrom<Step['call'][]>('set', 'get', 'get', 'run', 'run', 'run', 'fail'),
  number: fc.nat(makers.length - 1),
  by: fc.nat(9),
})

test('calls made together keep their order, whichever functions the server has forgotten', async t => {
  const own = await room(t)
  // With a session of its own.
  const other = new State<AnyState>(own.server().address, { connectTimeout: 9999 })
  t.after(() => other.close())
  let programs = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 3, maxLength: 12, size: 'max' }), { minLength: 1, maxLength: 2 }),
      async rounds => {
        programs++
        const state = own.state<Table>(t)
        await state.set({ n: 0, log: [] })
        const model: Table = { n: 0, log: [] }
        for (const [round, steps] of rounds.entries()) {
          await forget(other, 10 * programs + round)
          await Promise.all(steps.map(one => run(state, model, one)))
        }
        assert.deepEqual(await state.copy(), model)
        await state.close()
      },
    ),
    { numRuns: Number(process.env.ZPROC_ORDERS ?? 5), seed: 3, interruptAfterTimeLimit: 60_000 },
  )
})

/** Makes the server forget all functions but these: as many new ones are called. */
async function forget(state: State<AnyState>, salt: number): Promise<void> {
  const calls: Promise<unknown>[] = []
  for (let k = 0; k < FORGETTING; k++) calls.push(atomic((_: AnyState) => `${salt} ${k}`)(state))
  await Promise.all(calls)
}

async function run(state: State<Table>, model: Table, { call, number, by }: Step): Promise<void> {
  if (call === 'get') {
    const expected = model.n
    return assert.equal(await state.get('n'), expected)
  }
  if (call === 'set') {
    model.n = by
    return state.set('n', by)
  }
  if (call === 'fail') {
    const message = `fails at ${model.log.length}`
    return assert.rejects(fails(state), { message })
  }
  model.n += by
  model.log.push(`${number} ${model.n}`)
  const expected = model.n
  assert.equal(await (makers[number] as (typeof makers)[number])(state, by), expected)
}

const TIMEOUT = 40

test('an async atomic function ends within its time, also when its end arrives together with its turn', async t => {
  const own = await room(t, { backend: 'thread', atomicTimeout: TIMEOUT })
  const state = own.state<{ n: number }>(t)
  await state.set('n', 0)
  let n = 0
  const work = fc.constantFrom(0, 10, Number.POSITIVE_INFINITY)
  await fc.assert(
    fc.asyncProperty(
      fc.array(work, { minLength: 1, maxLength: 3 }),
      fc.nat(3 * TIMEOUT),
      async (works, busy) => {
        const ends = works.map(ms =>
          atomic(async (all: { n: number }) => {
            await new Promise(resolve => ms < Number.POSITIVE_INFINITY && setTimeout(resolve, ms))
            all.n++
          })(state).then(
            () => 'done',
            (error: Error) => error.name,
          ),
        )
        // The messages have left; what the server says arrives while this thread computes.
        await new Promise(resolve => setImmediate(resolve))
        for (const until = performance.now() + busy; performance.now() < until; );
        const ended = await Promise.all(ends)
        for (const [i, how] of ended.entries())
          assert.ok(
            how === 'AtomicTimeoutError' || (how === 'done' && works[i] !== Number.POSITIVE_INFINITY),
            how,
          )
        n += ended.filter(how => how === 'done').length
        assert.equal(await state.get('n'), n)
      },
    ),
    { numRuns: Number(process.env.ZPROC_ORDERS ?? 20), seed: 4 },
  )
})

const NAMESPACES = ['a', 'a', 'b', 'c']

test('a hold is released in its own namespace and in no other', async t => {
  const own = await room(t)
  const moves = fc.array(
    fc.record({ hold: fc.boolean(), state: fc.nat(NAMESPACES.length - 1), which: fc.nat(9) }),
    { minLength: 1, maxLength: 20 },
  )
  await fc.assert(
    fc.asyncProperty(moves, async program => {
      const peer = await greeted(t, own)
      const ask = async (...message: unknown[]): Promise<unknown[]> => {
        peer.say([message])
        return ((await peer.hear()) as unknown[][])[0] as unknown[]
      }
      for (const [i, name] of NAMESPACES.entries()) await ask(Ask.open, 1, i, name, 'peer')
      const held = new Map<number, string>()
      const numbers: number[] = []
      for (const { hold, state, which } of program) {
        const name = NAMESPACES[state] as string
        if (hold) {
          if ([...held.values()].includes(name)) continue
          const [kind, , grant] = await ask(Ask.hold, 2, state, 'test')
          assert.equal(kind, Tell.ok)
          const [number] = grant as Grant
          held.set(number, name)
          numbers.push(number)
        } else {
          const number = numbers[which % Math.max(1, numbers.length)] ?? 5
          const [kind] = await ask(Ask.release, 3, state, number, [[`key ${number}`, name]])
          const isHeld = held.get(number) === name
          assert.equal(kind, isHeld ? Tell.done : Tell.error)
          if (isHeld) held.delete(number)
        }
      }
      for (const [i, name] of NAMESPACES.entries()) {
        const [, , values] = await ask(Ask.values, 4, i)
        for (const value of values as string[]) assert.equal(value, name)
      }
      peer.socket.destroy()
    }),
    { numRuns: Number(process.env.ZPROC_ORDERS ?? 50), seed: 5 },
  )
})

async function greeted(t: TestContext, own: OwnRoom): Promise<Raw> {
  const peer = await raw(t, own.server().address)
  peer.say([PROTOCOL, VERSION, { pid: process.pid }])
  await peer.hear()
  return peer
}
