import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { atomic, State, startServer } from 'zproc'
import { program } from '../kit/programs.ts'
import { noRedis, startRedis } from '../kit/redis.ts'

// Law 10. ZPROC_LEFTOVERS: how many sequences of calls there are for each home of the state, 20 by default.
const RUNS = Number(process.env.ZPROC_LEFTOVERS ?? 20)

interface Counted {
  n: number
}

const later = 'later'
const { reject } = { reject: (why: unknown) => Promise.reject(why) }
class Own extends Error {
  get detail(): string {
    throw new Error('a getter that fails')
  }
}

/** What a function leaves behind. Each counts once, and returns. */
const leaving = {
  nothing: atomic((s: Counted) => void s.n++),
  rejection: atomic((s: Counted) => {
    Promise.reject(new Error(later))
    s.n++
  }),
  emptyRejection: atomic((s: Counted) => {
    Promise.reject()
    s.n++
  }),
  helper: atomic((s: Counted) => {
    reject(new Own(later))
    s.n++
  }),
  asyncCall: atomic((s: Counted) => {
    const pay = async () => {
      throw new RangeError(later)
    }
    pay()
    s.n++
  }),
  laterCall: atomic((s: Counted) => {
    ;(async () => {
      await new Promise(resolve => setTimeout(resolve, 1))
      ;(async () => s.n++)()
    })()
    s.n++
  }),
  executor: atomic((s: Counted) => {
    new Promise(() => {
      throw new Error(later)
    })
    s.n++
  }),
  chain: atomic((s: Counted) => {
    Promise.resolve().then(() => {
      throw Object.freeze(new Error(later))
    })
    s.n++
  }),
  timer: atomic((s: Counted) => {
    setTimeout(() => {
      throw new Error(later)
    }, 1)
    s.n++
  }),
  stateLater: atomic((s: Counted) => {
    setTimeout(() => s.n++)
    s.n++
  }),
  interval: atomic((s: Counted) => {
    const timer = setInterval(() => {
      clearInterval(timer)
      throw undefined
    }, 1)
    s.n++
  }),
  immediate: atomic((s: Counted) => {
    setImmediate(() => {
      throw later
    })
    s.n++
  }),
  microtask: atomic((s: Counted) => {
    queueMicrotask(() => {
      throw new Error(later)
    })
    s.n++
  }),
  tick: atomic((s: Counted) => {
    process.nextTick(() => {
      throw null
    })
    s.n++
  }),
  revoked: atomic((s: Counted) => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    setTimeout(() => {
      throw proxy
    })
    Promise.reject(proxy)
    s.n++
  }),
  nested: atomic((s: Counted) => {
    setTimeout(() => setImmediate(() => Promise.reject(new Error(later))))
    s.n++
  }),
  emitter: atomic((s: Counted) => {
    setTimeout(() => new EventEmitter().emit('error', new Error(later)))
    s.n++
  }),
}

/** How a function ends that changes nothing. */
const failing = {
  plain: atomic((s: Counted) => {
    s.n++
    throw new RangeError('now')
  }),
  nothing: atomic((s: Counted) => {
    s.n++
    throw undefined
  }),
  frozen: atomic((s: Counted) => {
    s.n++
    throw Object.freeze(new Error('now'))
  }),
  computed: atomic((s: Counted) => {
    s.n++
    throw new Own('now')
  }),
  revoked: atomic((s: Counted) => {
    s.n++
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    throw proxy
  }),
  trapped: atomic((s: Counted) => {
    s.n++
    const fail = () => {
      throw new Error('a trap')
    }
    throw new Proxy(new Error('now'), { get: fail, getPrototypeOf: fail, ownKeys: fail, has: fail })
  }),
  fn: atomic((s: Counted) => {
    s.n++
    throw () => {}
  }),
  symbol: atomic((s: Counted) => {
    s.n++
    throw Symbol('now')
  }),
  part: atomic((s: Counted) => {
    s.n++
    throw s
  }),
  promise: atomic((s: Counted) => {
    s.n++
    throw Promise.reject(new Error('now'))
  }),
  returned: atomic((s: Counted) => {
    s.n++
    const pay = async () => {
      throw new RangeError('short of money')
    }
    return pay()
  }),
  thenable: atomic((s: Counted) => {
    s.n++
    return Object.fromEntries([['then', () => reject(new Error('now'))]])
  }),
  revokedResult: atomic((s: Counted) => {
    s.n++
    const { proxy, revoke } = Proxy.revocable([], {})
    revoke()
    return proxy
  }),
  both: atomic((s: Counted) => {
    s.n++
    setTimeout(() => reject(new Error(later)))
    throw new Error('now')
  }),
}

type Call = { leaves: keyof typeof leaving } | { fails: keyof typeof failing }
const calls: fc.Arbitrary<Call> = fc.oneof(
  fc.record({ leaves: fc.constantFrom(...(Object.keys(leaving) as (keyof typeof leaving)[])) }),
  fc.record({ fails: fc.constantFrom(...(Object.keys(failing) as (keyof typeof failing)[])) }),
)

interface Home {
  address: string
  stop(): Promise<unknown>
}
const homes: [name: string, start: () => Promise<Home>, skip?: boolean | string][] = [
  ['a process', () => startServer(null, { backend: 'process' })],
  ['a thread', () => startServer(null, { backend: 'thread' })],
  ['inline', () => startServer(null, { backend: 'inline' })],
  ['redis', () => startRedis(), noRedis],
]

for (const [name, start, skip] of homes)
  describe(`functions that fail, and leave behind what fails (${name})`, { skip: skip ?? false }, () => {
    let home: Home
    before(async () => {
      home = await start()
    })
    after(() => home?.stop())

    test('each call ends as the function says, and nothing else ends', async t => {
      const lines: string[] = []
      t.mock.method(console, 'error', (line: string) => lines.push(line))
      const state = new State<Counted>(home.address)
      t.after(() => state.close())
      const pid = await state.ping()
      await fc.assert(
        fc.asyncProperty(fc.array(calls, { minLength: 1, maxLength: 8 }), async sequence => {
          await state.set({ n: 0 })
          const ends = await Promise.allSettled(
            sequence.map(call => ('leaves' in call ? leaving[call.leaves] : failing[call.fails])(state)),
          )
          assert.deepEqual(
            ends.map(({ status }) => status),
            sequence.map(call => ('leaves' in call ? 'fulfilled' : 'rejected')),
          )
          // What was left has failed by then.
          await delay(15)
          assert.equal(await state.get('n'), sequence.filter(call => 'leaves' in call).length)
          assert.equal(await state.ping(), pid)
        }),
        { numRuns: RUNS },
      )
      // Where others of the kind were reported just before, these are told of together, a little later.
      const isReported = () =>
        lines.some(line => /^zproc: what the atomic function .* has left behind failed/.test(line))
      for (let i = 0; i < 200 && (name === 'inline' || name === 'redis') && !isReported(); i++)
        await delay(50)
      if (name === 'inline' || name === 'redis') assert.ok(isReported(), lines.join('\n'))
    })
  })

for (const backend of ['process', 'thread', 'inline'] as const)
  test(`what a function leaves is reported with its name on stderr (${backend})`, async t => {
    const run = program(
      t,
      `import { atomic, State, startServer } from 'zproc'
      const server = await startServer(null, { backend: '${backend}' })
      const state = new State(server.address)
      const forgets = atomic(function forgets() { setTimeout(() => { throw new Error('it was forgotten') }, 1) })
      await forgets(state)
      await new Promise(resolve => setTimeout(resolve, 50))
      console.log(await state.ping() === server.pid)
      await server.stop()
      await state.close()`,
    )
    const { code, stdout, stderr } = await run.ended()
    assert.match(stderr, /the atomic function forgets has left behind failed.*it was forgotten/)
    assert.equal(stdout, 'true\n')
    assert.equal(code, 0)
  })

for (const [what, statement] of [
  ['rejection', "Promise.reject(new Error('my own'))"],
  ['exception', "setTimeout(() => { throw new Error('my own') })"],
] as const)
  test(`a program whose own ${what} nobody handles ends of it, as Node has it`, async t => {
    const run = program(
      t,
      `import { atomic, State, startServer } from 'zproc'
      const server = await startServer(null, { backend: 'inline' })
      const state = new State(server.address)
      await atomic(() => { Promise.reject(new Error('left behind')) })(state)
      await new Promise(resolve => setTimeout(resolve, 10))
      console.log('goes on')
      ${statement}
      setTimeout(() => console.log('too far'), 2000)`,
    )
    const { code, stdout, stderr } = await run.ended()
    assert.equal(stdout, 'goes on\n')
    assert.match(stderr, /Error: my own/)
    assert.equal(code, 1)
  })

for (const ending of [
  'process.exit()',
  'process.abort()',
  'process.kill(process.pid)',
  'process.reallyExit(1)',
])
  test(`${ending} in an atomic function does not end the server`, async t => {
    const server = await startServer(null, { backend: 'process' })
    t.after(() => server.stop())
    const state = new State(server.address)
    t.after(() => state.close())
    const end = atomic((_: object, code: string) => {
      setTimeout(() => new Function(code)())
      new Function(code)()
    })
    await assert.rejects(end(state, ending), /it would end the server/)
    await delay(10)
    assert.equal(await state.ping(), server.pid)
  })
