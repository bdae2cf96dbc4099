import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { parse } from 'acorn'
import { AtomicTimeoutError, KeyError } from '../../src/errors.ts'
import { reviveAtomic, runWithin, shipAtomic } from '../../src/shipping/atomic.ts'

import { made, stateful, Vault } from './runs/lib.ts'

type Run = (state: Record<string, number>, ...args: number[]) => unknown

/** The function as the server gets it. */
function there(fn: Run): Run {
  const made = reviveAtomic(shipAtomic(fn).bytes)
  assert.equal(typeof made, 'function', 'nothing has to be imported: it is there at once')
  return made as Run
}

describe('an atomic function', () => {
  it('brings what it closes over, and Node modules, without waiting', () => {
    const step = { by: 2 }
    const hash = (n: number) => createHash('sha256').update(String(n)).digest('hex').length
    const fn = there((state, n) => {
      state.n = (state.n ?? 0) + n * step.by
      return hash(state.n)
    })
    const state = { n: 1 }
    assert.equal(
      runWithin(100, () => fn(state, 3)),
      64,
    )
    assert.deepEqual(state, { n: 7 })
  })

  it('brings what it imports from files along, for the server may not have them', () => {
    const run = there(() => [stateful(), stateful(), new Vault().open()])
    assert.deepEqual(
      runWithin(100, () => run({})),
      [1, 2, 2],
    )
    assert.equal(made.length, 0)
  })

  it('is a promise only when a package has to be imported', async () => {
    const made = reviveAtomic(shipAtomic(() => parse('1', { ecmaVersion: 2020 }).type).bytes)
    assert.ok(made instanceof Promise)
    const run = (await made) as Run
    assert.equal(
      runWithin(100, () => run({})),
      'Program',
    )
  })

  it('may use names that begin like those of the code around it', () => {
    const [$, $parent, $guard, $values, $import] = [1, 2, 3, 4, 5]
    let $cell = 0
    const up = () => ++$cell
    const run = there(() => {
      for (let i = 0; i < 2; i++) up()
      return [$, $parent, $guard, $values, $import, $cell]
    })
    assert.deepEqual(
      runWithin(100, () => run({})),
      [1, 2, 3, 4, 5, 2],
    )
  })

  it('may be made by `new Function`', () => {
    const run = there(new Function('state', 'by', 'state.n += by; return state.n') as Run)
    assert.equal(
      runWithin(100, () => run({ n: 1 }, 2)),
      3,
    )
  })

  it('throws the error classes of zproc as themselves', () => {
    const fn = there(() => {
      throw new KeyError('gone', { key: 'k' })
    })
    assert.throws(
      () => runWithin(100, () => fn({})),
      (error: unknown) => error instanceof KeyError && error.key === 'k',
    )
  })

  const hanging: Record<string, Run> = {
    'while (true)': state => {
      while (true) state.n = 1
    },
    'for (;;) without a block': state => {
      // biome-ignore format: a loop without a block is what is tried
      for (;;) state.n = (state.n ?? 0) + 1
    },
    'do … while': state => {
      do state.n = 1
      while (state.n)
    },
    'for … of over an endless generator': () => {
      function* endless() {
        while (true) yield 1
      }
      let sum = 0
      for (const n of endless()) sum += n
      return sum
    },
    'a loop with a label and continue': () => {
      for (;;) {
        for (;;);
      }
    },
    'a loop that catches everything': state => {
      for (;;) {
        try {
          for (;;) state.n = 1
        } catch {
          state.n = 2
        }
      }
    },
    'a loop in finally': () => {
      try {
        throw new Error('first')
      } finally {
        for (;;);
      }
    },
    'functions that call each other': () => {
      const ping = (n: number): number => (n > 20 ? 0 : pong(n + 1) + pong(n + 1) + pong(n + 1))
      const pong = (n: number): number => (n > 20 ? 0 : ping(n + 1) + ping(n + 1) + ping(n + 1))
      return ping(0)
    },
    'callbacks of array methods': () => Array.from({ length: 1e9 }, (_, i) => i * 2).length,
    'a getter and a method of a class': () => {
      class Slow {
        get value(): number {
          for (;;);
        }
      }
      return new Slow().value
    },
    'a slow call in each round': () => {
      for (;;) JSON.stringify(new Array(100_000).fill('x'))
    },
  }

  for (const [name, fn] of Object.entries(hanging)) {
    it(`is stopped: ${name}`, () => {
      const run = there(fn)
      const began = performance.now()
      assert.throws(() => runWithin(60, () => run({ n: 1 })), {
        name: 'AtomicTimeoutError',
        code: 'ZPROC_ATOMIC_TIMEOUT',
        message: 'atomic function (anonymous) ran for over 60 ms and was stopped; nothing was changed',
      })
      assert.ok(performance.now() - began < 1000)
    })
  }

  it('is stopped when it calls itself through a variable', () => {
    const fib = (n: number): number => (n < 2 ? n : fib(n - 1) + fib(n - 2))
    const run = there(() => fib(60))
    assert.throws(() => runWithin(50, () => run({})), AtomicTimeoutError)
  })

  it('does not get around the time by swallowing the error', () => {
    const run = there(() => {
      try {
        for (;;);
      } catch {
        return 'swallowed'
      }
    })
    assert.throws(() => runWithin(50, () => run({})), AtomicTimeoutError)
  })

  it('has its whole time again at the next call, and inside another one its own', () => {
    const spin = there((_, ms) => {
      const began = performance.now()
      while (performance.now() - began < (ms ?? 0));
      return 'done'
    })
    for (let n = 0; n < 3; n++)
      assert.equal(
        runWithin(100, () => spin({}, 40)),
        'done',
      )
    assert.throws(() => runWithin(1000, () => runWithin(20, () => spin({}, 500))), AtomicTimeoutError)
    assert.equal(
      runWithin(20, () => 'nothing was left behind'),
      'nothing was left behind',
    )
  })

  it('works on with comments, directives, parentheses and expressions as bodies', () => {
    // biome-ignore format: odd texts are what is tried
    const odd: Run = (_, n) => {
      
      const list = [1, 2, 3].map(x => ({ x })).map(({ x }) => ((x * 2)))
      const late = (a: number /* => */ /* ) */) /* => */ : number => /* => { */ (a + 1) // => x
      const pair = () => () => (n)
      let i = 0
      do i++; while (i < 3)
      for (const x of list) if (x > 100) for (;;); else i += x
      const gen = function* () { yield* list }
      return [list, late(1), pair()(), i, [...gen()], ((a, b = (() => a)()) => b)(5)]
    }
    const run = there(odd)
    assert.deepEqual(
      runWithin(100, () => run({}, 9)),
      [[2, 4, 6], 2, 9, 15, [2, 4, 6], 5],
    )
  })

  it('has the same hash however often it is made anew', () => {
    const make = () => (state: { n: number }) => state.n++
    assert.equal(shipAtomic(make()).hash, shipAtomic(make()).hash)
  })

  it('is refused when it calls another atomic function', () => {
    const wrapper = async () => {}
    Object.defineProperty(wrapper, Symbol.for('zproc.atomic'), { value: () => 1 })
    const both = () => wrapper()
    assert.throws(() => shipAtomic(both), {
      name: 'ShippingError',
      message:
        /^atomic\(both\): `both` uses `wrapper`, an atomic function \(.*\)\. An atomic function cannot run inside another one: call the plain function that it wraps\.$/,
    })
  })
})
