// Generated ends: a target throws, returns, sends and exits anything at any moment. Each `wait()` settles as the docs say, and
// the program that waits lives. ZPROC_ENDS: how many rounds of each kind (4); ZPROC_SEED: where they begin.
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { Context, type Process, ProcessExit, ProcessWaitError, WorkerCrashError } from 'zproc'
import { type Backend, backends, stderrOf } from './kit.ts'

const rounds = Number(process.env.ZPROC_ENDS ?? 4)
const bounds = {
  ...(process.env.ZPROC_SEED !== undefined && { seed: Number(process.env.ZPROC_SEED) }),
  // Milliseconds, on a machine that is busy.
  interruptAfterTimeLimit: 4000 * rounds,
}

let ctx: Context<{ go: boolean }>
before(async () => {
  ctx = new Context({ serverBackend: 'inline', spares: 4, stateful: false })
  await ctx.state.set('go', true)
})
after(() => ctx.close())

/** How a target ends, as data. */
interface Plan {
  /** What it does before that has nothing to do with its end. */
  noise: { does: 'send' | 'disconnect' | 'listen' | 'throw in an exit handler'; what: string }[]
  moment: 'at once' | 'in a microtask' | 'in a timer' | 'in an exit handler'
  act: 'return' | 'throw' | 'reject' | 'exit' | 'ProcessExit' | 'signal'
  what: string
  status: number
  signal: NodeJS.Signals
}

/** Things to throw, return and send, by name: made where they are used. */
function thing(name: string): unknown {
  const fails = () => {
    throw new Error('a trap')
  }
  const traps = Object.fromEntries(
    Object.getOwnPropertyNames(Reflect)
      .filter(trap => typeof Reflect.get(Reflect, trap) === 'function')
      .map(trap => [trap, fails]),
  )
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const cyclic: { self?: unknown } = {}
  cyclic.self = cyclic
  let deep: unknown = 1
  for (let i = 0; i < 20_000 && name === 'nested deeply'; i++) deep = [deep]
  const made: Record<string, () => unknown> = {
    undefined: () => undefined,
    null: () => null,
    text: () => 'ready',
    NaN: () => Number.NaN,
    bigint: () => 10n ** 30n,
    data: () => ({ a: [1, new Map([[1, new Set(['b'])]])] }),
    'as zproc would say it': () => ({ kind: 'returned', value: 5 }),
    'a failure as zproc would say it': () => ({ kind: 'failed', stage: 'run', error: null, classes: null }),
    "as Node's channel would say it": () => ({ cmd: 'NODE_HANDLE', type: 'no.such.Type' }),
    'as node --watch would say it': () => ({ 'watch:import': ['file:///none.js'] }),
    cyclic: () => cyclic,
    'nested deeply': () => deep,
    symbol: () => Symbol('s'),
    function: () => () => {},
    'an object without a prototype': () => Object.create(null),
    'an object whose toString is null': () => ({ toString: null, valueOf: null }),
    'an object whose parts throw': () => ({
      get a() {
        throw new Error('a getter')
      },
    }),
    'a proxy that throws': () => new Proxy({}, traps),
    'a revoked proxy': () => revoked.proxy,
    error: () => new RangeError('as it is'),
    'a frozen error': () => Object.freeze(new TypeError('frozen')),
    'an error with an object for a name': () =>
      Object.assign(new Error('named'), { name: Object.create(null) }),
    'an error with a symbol for a message': () => Object.assign(new Error('said'), { message: Symbol('m') }),
    'an error with a code that is an object': () =>
      Object.assign(new Error('coded'), { code: Object.create(null) }),
    'an error whose name throws': () => Object.defineProperty(new Error('named'), 'name', { get: fails }),
    'an error whose stack throws': () => Object.defineProperty(new Error('stacked'), 'stack', { get: fails }),
    'an error whose code throws': () => Object.defineProperty(new Error('coded'), 'code', { get: fails }),
    'an error that is its own cause': () => {
      const error = new Error('a circle')
      error.cause = error
      return error
    },
    'an aggregate of such': () =>
      new AggregateError([Object.create(null), revoked.proxy, Symbol('s')], 'all'),
    'a class that is nameless': () => new (class extends Error {})('nameless'),
    'like a ProcessExit': () => ({ code: 'ZPROC_PROCESS_EXIT', status: 'x' }),
    'like a SignalException': () => ({ code: 'ZPROC_SIGNAL', signal: Object.create(null) }),
  }
  return made[name]?.()
}

const data = ['undefined', 'null', 'text', 'NaN', 'bigint', 'data', 'as zproc would say it', 'cyclic']
const noData = [
  'nested deeply',
  'symbol',
  'function',
  'an object whose parts throw',
  'a proxy that throws',
  'a revoked proxy',
]
const things = [
  ...data,
  ...noData,
  'a failure as zproc would say it',
  "as Node's channel would say it",
  'as node --watch would say it',
  'an object without a prototype',
  'an object whose toString is null',
  'error',
  'a frozen error',
  'an error with an object for a name',
  'an error with a symbol for a message',
  'an error with a code that is an object',
  'an error whose name throws',
  'an error whose stack throws',
  'an error whose code throws',
  'an error that is its own cause',
  'an aggregate of such',
  'a class that is nameless',
  'like a ProcessExit',
  'like a SignalException',
]

/** The target: does what the plan says. */
async function follow(plan: Plan): Promise<unknown> {
  const { parentPort } = await import('node:worker_threads')
  for (const { does, what } of plan.noise) {
    try {
      if (does === 'send')
        parentPort
          ? parentPort.postMessage(thing(what))
          : process.send?.(thing(what), undefined, undefined, () => {})
      if (does === 'listen') (parentPort ?? process).on('message', () => {})
      if (does === 'disconnect') parentPort ? parentPort.close() : process.connected && process.disconnect()
    } catch {
      // What cannot be sent is the target's to know.
    }
    if (does === 'throw in an exit handler')
      process.on('exit', () => {
        throw thing(what)
      })
  }
  const act = (): unknown => {
    if (plan.act === 'throw') throw thing(plan.what)
    if (plan.act === 'ProcessExit') throw new ProcessExit(plan.status)
    if (plan.act === 'exit') process.exit(plan.status)
    if (plan.act === 'signal') process.kill(process.pid, plan.signal)
    if (plan.act === 'signal') return new Promise(() => {})
    if (plan.act === 'reject') return Promise.reject(thing(plan.what))
    return thing(plan.what)
  }
  if (plan.moment === 'at once') return act()
  if (plan.moment === 'in an exit handler') {
    process.on('exit', () => void act())
    return 'value'
  }
  return new Promise((resolve, reject) => {
    const later = () => {
      // A throw out of turn, unless it returns.
      if (plan.act === 'return') resolve(act())
      else if (plan.act === 'reject') Promise.resolve(act()).then(resolve, reject)
      else act()
    }
    if (plan.moment === 'in a microtask') queueMicrotask(later)
    else setTimeout(later, 1)
  })
}

const noise = fc.record({
  does: fc.constantFrom('send', 'send', 'disconnect', 'listen', 'throw in an exit handler'),
  what: fc.constantFrom(...things),
}) satisfies fc.Arbitrary<Plan['noise'][number]>
const plans = (acts: readonly Plan['act'][]): fc.Arbitrary<Plan> =>
  fc.record({
    noise: fc.array(noise, { maxLength: 4 }),
    moment: fc.constantFrom('at once', 'in a microtask', 'in a timer', 'in an exit handler'),
    act: fc.constantFrom(...acts),
    what: fc.constantFrom(...things),
    status: fc.constantFrom(0, 1, 3, 255),
    signal: fc.constantFrom<NodeJS.Signals>('SIGKILL', 'SIGTERM', 'SIGUSR2', 'SIGABRT'),
  })

type Expected = 'returns' | { exitCode: number } | 'returns, or fails with 1'

/** What the docs say of it. Of errors and objects that only look odd, some are data and some are not. */
function expected(plan: Plan): Expected {
  if (plan.moment === 'in an exit handler') return 'returns'
  // An 'exit' handler that throws makes of an exit a failure, as in any program.
  const exits = plan.noise.some(({ does }) => does === 'throw in an exit handler') ? 1 : plan.status
  if (plan.act === 'signal') return { exitCode: -constants.signals[plan.signal] }
  if (plan.act === 'exit') return exits === 0 ? 'returns' : { exitCode: exits }
  if (plan.act === 'ProcessExit') return plan.status === 0 ? 'returns' : { exitCode: exits }
  if (plan.act !== 'return' || noData.includes(plan.what)) return { exitCode: 1 }
  return data.includes(plan.what) ? 'returns' : 'returns, or fails with 1'
}

async function check(started: Process, plan: Plan): Promise<void> {
  const end = await started.wait({ timeout: 30_000 }).then(
    value => ({ value }),
    (error: unknown) => ({ error }),
  )
  const wanted = expected(plan)
  if ('error' in end) {
    const { error } = end
    assert.ok(error instanceof ProcessWaitError, String(error))
    assert.equal(typeof error.message, 'string')
    const { exitCode } = error
    assert.deepEqual({ exitCode }, typeof wanted === 'string' ? { exitCode: 1 } : wanted, error.message)
    assert.notEqual(wanted, 'returns', error.message)
  } else assert.equal(typeof wanted, 'string')
  if (plan.moment === 'in an exit handler') assert.equal('value' in end && end.value, 'value')
  assert.equal(started.isAlive, false)
}

for (const backend of backends) {
  const acts = ['return', 'throw', 'reject', 'exit', 'ProcessExit', 'signal'] as const
  const possible = backend === 'thread' ? acts.filter(act => act !== 'signal') : acts

  test(`however a target ends, wait() settles as the docs say and the parent lives (${backend})`, async t => {
    const property = fc.asyncProperty(
      fc.array(plans(possible), { minLength: 3, maxLength: 4 }),
      async four => {
        await Promise.all(
          four.map(plan =>
            check(ctx.process(follow, { backend, args: [plan], stateful: false, stdio: 'pipe' }), plan),
          ),
        )
      },
    )
    await stderrOf(t, () => fc.assert(property, { numRuns: rounds, ...bounds }))
  })

  test(`however a handler ends, wait() settles (${backend})`, async t => {
    const failing = possible.filter(act => act !== 'return')
    const plan = plans(failing).filter(
      ({ moment, act, status }) => moment !== 'in an exit handler' && !(status === 0 && act !== 'throw'),
    )
    const property = fc.asyncProperty(fc.array(plan, { minLength: 2, maxLength: 4 }), async four => {
      await Promise.all(four.map(one => check(handlerOf(backend, one), one)))
    })
    await stderrOf(t, () => fc.assert(property, { numRuns: Math.ceil(rounds / 4), ...bounds }))
  })

  test(`whatever an item of a map throws, returns or sends, each has its result (${backend})`, async t => {
    const pool = new Context({ serverBackend: 'inline', spares: 0, backend })
    t.after(() => pool.close())
    const plan = plans(['return', 'throw', 'reject']).map((one): Plan => ({ ...one, moment: 'at once' }))
    const quiet = plan.map(
      (one): Plan => ({ ...one, noise: one.noise.filter(({ does }) => does !== 'throw in an exit handler') }),
    )
    const property = fc.asyncProperty(fc.array(quiet, { minLength: 1, maxLength: 12 }), async items => {
      const results = await pool.processMap(follow, items, { settle: true, count: 2 }).toArray()
      for (const [i, result] of results.entries()) {
        const wanted = expected(items[i] as Plan)
        if (wanted === 'returns, or fails with 1') assert.match(result.status, /^(fulfilled|rejected)$/)
        else assert.equal(result.status, wanted === 'returns' ? 'fulfilled' : 'rejected', items[i]?.what)
      }
    })
    await stderrOf(t, () => fc.assert(property, { numRuns: rounds * 2, ...bounds }))
  })

  test(`however an item of a map ends its worker, that item alone fails (${backend})`, async t => {
    const pool = new Context({ serverBackend: 'inline', spares: 0, backend })
    t.after(() => pool.close())
    const plan = plans(possible).filter(
      ({ moment, noise }) =>
        moment !== 'in an exit handler' && noise.every(({ does }) => does !== 'throw in an exit handler'),
    )
    const property = fc.asyncProperty(fc.array(plan, { minLength: 2, maxLength: 5 }), async items => {
      const options = { settle: true, count: 2, chunkSize: 1, maxRetries: 0 } as const
      const results = await pool.processMap(follow, items, options).toArray()
      for (const [i, result] of results.entries()) checkItem(result, items[i] as Plan)
      // The pool goes on.
      assert.deepEqual(await pool.processMap((x: number) => x + 1, [1, 2, 3]).toArray(), [2, 3, 4])
    })
    await stderrOf(t, () => fc.assert(property, { numRuns: rounds, ...bounds }))
  })
}

/** An item that ends its worker is the one that is named; what it throws in its turn is an error like any other. */
function checkItem(result: PromiseSettledResult<unknown>, plan: Plan): void {
  const ends =
    plan.act === 'exit' || plan.act === 'signal' || (plan.act === 'throw' && plan.moment !== 'at once')
  const words = `${plan.act} ${plan.what} ${plan.moment}: ${JSON.stringify(result.status)}`
  if (ends) {
    assert.equal(result.status, 'rejected', words)
    assert.ok('reason' in result && result.reason instanceof WorkerCrashError, words)
    if (plan.act === 'signal') assert.equal(result.reason.signal, plan.signal, words)
    if (plan.act === 'exit') assert.equal(result.reason.exitCode, plan.status, words)
  } else if (plan.act === 'ProcessExit') assert.equal(result.status, 'rejected', words)
  else if (plan.act !== 'return' || noData.includes(plan.what)) {
    assert.equal(result.status, 'rejected', words)
    assert.ok('reason' in result && !(result.reason instanceof WorkerCrashError), words)
  } else if (data.includes(plan.what)) assert.equal(result.status, 'fulfilled', words)
}

const handlerOf = (backend: Backend, plan: Plan): Process =>
  ctx.callWhenEqual('go', true, { backend, args: [plan], stateful: false, stdio: 'pipe' })(
    async (_snapshot: unknown, one: Plan) => {
      await follow(one)
    },
  )
