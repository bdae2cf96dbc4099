import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import type { WireLease } from '../../src/protocol/messages.ts'
import { fromWire } from '../../src/protocol/values.ts'
import { ABSENT, type Author } from '../../src/store/commit.ts'
import { writes } from '../../src/store/methods.ts'
import { Namespace } from '../../src/store/namespace.ts'
import { runAtomic } from '../../src/store/run-atomic.ts'
import type { Measured } from './fixtures/expire-many.ts'

// ZPROC_RUNS: how many random programs, and ZPROC_KEYS: how many keys with a time to live, 1,000,000 for a long look.
const RUNS = Number(process.env.ZPROC_RUNS ?? 3000)
const KEYS = Number(process.env.ZPROC_KEYS ?? 250_000)

type Write = (space: Namespace, author: Author, ...args: unknown[]) => unknown
const write = (space: Namespace, author: Author, kind: number, ...args: unknown[]) =>
  (writes[kind] as Write)(space, author, ...args)

const authors: Author[] = [1, 2, 3].map(i => ({ session: i > 2 ? 1 : i, state: i, pid: i, name: `p${i}` }))

/** A key as the model has it: what it holds, the session that it ends with, and when. */
interface Kept {
  value: number
  writer: Author
  session: number | null
  due: number
}

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
const value = fc.nat(5)
const lease = fc.option(
  fc.tuple(
    fc.boolean(),
    fc.option(fc.constantFrom(1, 2, 5, 20, 0.5), { nil: null }),
  ) as fc.Arbitrary<WireLease>,
  { nil: undefined },
)
const call = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('set' as const), key, value, lease }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('setDefault' as const), key, value, lease }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('update' as const), keys: fc.uniqueArray(key), value }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('atomic' as const),
      puts: fc.uniqueArray(key),
      value,
      deletes: fc.uniqueArray(key),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('delete' as const, 'pop' as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('popItem' as const, 'clear' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('replace' as const), keys: fc.uniqueArray(key), value }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0.5, 1, 3, 10) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('expire' as const), most: fc.constantFrom(1, 2, 100) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), session: fc.constantFrom(1, 2) }) },
)
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never

/** What the calls do, to a namespace and to a Map. */
class Both {
  now = 0
  readonly space = new Namespace('n', 10_000, { clock: () => this.now })
  readonly model = new Map<string, Kept>()

  do(call: Call, author: Author): void {
    const { space, model } = this
    const plain = (value: number): Kept => ({ value, writer: author, session: null, due: Infinity })
    const leased = (value: number, lease: WireLease | undefined): Kept =>
      lease && (lease[0] || lease[1] !== null)
        ? {
            value,
            writer: author,
            session: lease[0] ? author.session : null,
            due: lease[1] === null ? Infinity : this.now + lease[1],
          }
        : plain(value)
    const entries = (keys: string[], value: number) => keys.map(key => [key, value])
    switch (call.do) {
      case 'set':
        write(space, author, Ask.set, call.key, call.value, call.lease)
        model.set(call.key, leased(call.value, call.lease))
        break
      case 'setDefault': {
        const given = write(space, author, Ask.setDefault, call.key, call.value, call.lease)
        if (!model.has(call.key)) model.set(call.key, leased(call.value, call.lease))
        assert.equal(given, model.get(call.key)?.value)
        break
      }
      case 'update':
        write(space, author, Ask.update, entries(call.keys, call.value))
        for (const key of call.keys) model.set(key, plain(call.value))
        break
      case 'replace':
        write(space, author, Ask.replace, entries(call.keys, call.value))
        model.clear()
        for (const key of call.keys) model.set(key, plain(call.value))
        break
      case 'atomic': {
        const { puts, deletes, value } = call
        runAtomic(space, author, { name: 'test' }, state => {
          for (const key of puts) (state as Record<string, number>)[key] = value
          for (const key of deletes) delete (state as Record<string, number>)[key]
        })
        for (const key of puts) model.set(key, { ...(model.get(key) ?? plain(value)), value })
        for (const key of deletes) model.delete(key)
        break
      }
      case 'delete':
        assert.equal(write(space, author, Ask.delete, call.key), model.delete(call.key))
        break
      case 'pop':
        assert.equal(write(space, author, Ask.pop, call.key), model.get(call.key)?.value ?? ABSENT)
        model.delete(call.key)
        break
      case 'popItem': {
        const taken = write(space, author, Ask.popItem)
        if (taken !== ABSENT) model.delete((taken as [string])[0])
        break
      }
      case 'clear':
        write(space, author, Ask.clear)
        model.clear()
        break
      case 'wait':
        this.now += call.ms
        break
      case 'expire':
        this.expire(call.most)
        break
      case 'end':
        this.end(call.session)
    }
  }

  /** The keys that are due first go, the earliest of them, each in one commit of its writer's. */
  expire(most: number): void {
    const { space, model, now } = this
    const due = [...model].filter(([, kept]) => kept.due <= now)
    const from = space.revision
    space.expireDue(most)
    const gone = this.#expired(from)
    assert.equal(gone.length, Math.min(most, due.length))
    const latest = Math.max(0, ...gone.map(({ key }) => model.get(key)?.due ?? Infinity))
    for (const { key, by } of gone) {
      assert.ok(due.some(([one]) => one === key))
      assert.equal(by.pid, model.get(key)?.writer.pid)
      model.delete(key)
    }
    for (const [key, kept] of due) if (model.has(key)) assert.ok(kept.due >= latest)
  }

  end(session: number): void {
    const from = this.space.revision
    const tied = [...this.model].filter(([, kept]) => kept.session === session).map(([key]) => key)
    this.space.expire(authors.find(author => author.session === session) as Author)
    assert.ok(this.space.revision - from <= 1, 'in one commit')
    assert.deepEqual(
      this.#expired(from)
        .map(({ key }) => key)
        .sort(),
      tied.sort(),
    )
    for (const key of tied) this.model.delete(key)
  }

  #expired(from: number) {
    const gone: { key: string | null; by: Author }[] = []
    for (let r = from + 1; r <= this.space.revision; r++) {
      const { author, method, changes, identical } = this.space.at(r)
      assert.deepEqual([method, author.state, identical], ['expire', 0, false])
      for (const change of changes) gone.push({ key: change.key, by: author })
    }
    return gone.map(({ key, by }) => ({ key: key as string, by }))
  }

  check(): void {
    const { space, model, now } = this
    const values = Object.fromEntries([...space.values].map(([key, wire]) => [key, fromWire(wire)]))
    assert.deepEqual(values, Object.fromEntries([...model].map(([key, { value }]) => [key, value])))
    assert.equal(space.nextDue, Math.min(Infinity, ...[...model.values()].map(({ due }) => due)))
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) {
      const [info, kept] = [space.leaseOf(key), model.get(key)]
      if (!kept || (kept.session === null && kept.due === Infinity)) assert.equal(info, null)
      else {
        const { writer, session, due } = kept
        assert.deepEqual(info?.slice(0, 3), [writer.pid, writer.name, session !== null])
        if (due === Infinity) assert.equal(info?.[3], null)
        else assert.ok(Math.abs((info?.[3] ?? 0) - Date.now() - Math.max(0, due - now)) < 1000)
      }
    }
  }
}

test('random programs of leases do to a namespace what they do to a model, at any time', () => {
  const program = fc.array(fc.tuple(call, fc.constantFrom(...authors)), { maxLength: 40 })
  const property = fc.property(program, calls => {
    const both = new Both()
    for (const [call, author] of calls) {
      both.do(call, author)
      both.check()
    }
    // In the end all that can go is gone, once.
    both.now += 1000
    both.expire(100)
    both.end(1)
    both.end(2)
    both.check()
    assert.equal(both.space.nextDue, Infinity)
  })
  fc.assert(property, { numRuns: RUNS })
})

for (const [kind, keys] of [
  ['number', KEYS],
  ['large', 10_000],
] as const)
  test(`of ${keys} keys with a time to live, a tenth that end at once keep the event loop for no more than 5 ms: ${kind}`, async t => {
    const fixture = fileURLToPath(new URL('fixtures/expire-many.ts', import.meta.url))
    const child = [
      '--import',
      'tsx',
      '--single-threaded',
      '--no-opt',
      '--expose-gc',
      fixture,
      `${keys}`,
      kind,
    ]
    const { stdout } = await promisify(execFile)(process.execPath, child, { maxBuffer: 64 << 20 })
    const { turns, collections, left, nextDue }: Measured = JSON.parse(stdout)
    assert.equal(left, keys - keys / 10)
    assert.equal(nextDue, 1_000_001)
    // The collector of the whole heap has a turn now and then, which no slice can avoid.
    const own = turns.filter(({ from, to }) => !collections.some(one => one.from < to && one.to > from))
    own.sort((a, b) => b.cpu - a.cpu)
    const longest = own.slice(0, 5).map(({ cpu }) => cpu.toFixed(1))
    t.diagnostic(`${turns.length} turns, the longest of them ${longest.join(', ')} ms`)
    assert.ok(own.length > turns.length / 2 && own.length > 10, `${own.length} of ${turns.length} turns`)
    assert.ok((own[0]?.cpu ?? 0) <= 5, `the longest turns: ${longest.join(', ')} ms`)
  })

test('a key with a time to live costs no more among many than among a thousand', () => {
  const [author] = authors as [Author]
  const cost = (keys: number) => {
    const space = new Namespace('n', 1000, { clock: () => 0 })
    for (let i = 0; i < keys; i++)
      write(space, author, Ask.set, `key ${i}`, i, [false, 1 + ((i * 7919) % keys)])
    const began = process.cpuUsage()
    // Renewed, at a later time and an earlier one, and deleted: the leases before are taken out at once.
    for (let i = 0; i < 20_000; i++) {
      const one = `key ${(i * 6151) % keys}`
      write(space, author, Ask.set, one, i, [true, i % 2 ? 10 * keys : 1])
      if (i % 10 === 0) write(space, author, Ask.delete, one)
    }
    const { user, system } = process.cpuUsage(began)
    return user + system
  }
  cost(1000)
  const [few, many] = [cost(1000), cost(KEYS / 5)]
  assert.ok(many < 12 * few, `${many} µs among many, ${few} µs among few`)
})
