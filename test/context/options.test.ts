// Options are refused at the call, or taken: for every public function that takes some, with values of all kinds and
// with misspelt names. `ZPROC_OPTION_RUNS` gives the runs of each property, 400 by default; `ZPROC_SEED` their seed.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { Context } from 'zproc'
import { type OptionedCall, optionedCalls } from './options-calls.ts'
import { anything } from './options-kinds.ts'

const numRuns = Number(process.env.ZPROC_OPTION_RUNS ?? 400)
const seed = process.env.ZPROC_SEED === undefined ? undefined : Number(process.env.ZPROC_SEED)

const ctx = new Context({ serverBackend: 'inline' })
const idle = new Context(ctx.serverAddress)
const table = optionedCalls(ctx, idle)
before(() => idle.ready)
after(async () => {
  await idle.close()
  await ctx.close()
})

// Counterexamples are shown by the name of the call.
const somewhere = fc.constantFrom(
  ...table.map(call => Object.assign(call, { [fc.toStringMethod]: () => call.name })),
)
const withName = somewhere.chain(call =>
  fc.tuple(fc.constant(call), fc.constantFrom(...Object.keys(call.options))),
)

test('an option that does not exist is refused, with its value and the nearest that does', async () => {
  const misspelt = withName.chain(([call, name]) =>
    fc.tuple(fc.constant(call), fc.constant(name), misspellingOf(name), anything),
  )
  await fc.assert(
    fc.asyncProperty(misspelt, async ([call, name, written, value]) => {
      fc.pre(!(written in call.options))
      const error = await failureOf(call, { [written]: value })
      assert.ok(error instanceof TypeError, `${call.name}: ${written} passes`)
      const { message } = error
      assert.ok(
        message.startsWith(`${call.name}: unknown option '${written}'${call.place ?? ''} (got `),
        message,
      )
      const [, found] = /did you mean (\w+)\?$/.exec(message) ?? []
      assert.ok(found && found in call.options, message)
      // Another one may be as near: `on` is between `one` and `own`.
      if (found !== name) assert.ok(distance(written, found) <= distance(written, name), message)
    }),
    { numRuns, seed },
  )
  await nothingIsDone()
})

test('an option that is like no other is refused with all that exist', async () => {
  for (const call of table) {
    const error = await failureOf(call, { unheardOfByAnyCall: 5 })
    assert.ok(error instanceof TypeError)
    const [, names] = /'unheardOfByAnyCall'.*\(got 5\); it takes (.*)$/.exec(error.message) ?? []
    assert.deepEqual(names?.split(', ').sort(), Object.keys(call.options).sort(), call.name)
  }
  await nothingIsDone()
})

test('a value of another kind, or out of range, is refused and shown', async () => {
  const wrong = withName.chain(([call, name]) =>
    fc.tuple(
      fc.constant(call),
      fc.constant(name),
      anything.filter(value => call.options[name]?.(value) === false),
    ),
  )
  await fc.assert(
    fc.asyncProperty(wrong, async ([call, name, value]) => {
      const error = await failureOf(call, { [name]: value })
      assert.ok(error instanceof TypeError || error instanceof RangeError, `${call.name}: ${name} passes`)
      assert.ok(error.message.startsWith(`${call.name}: ${name}${call.place ?? ''} must be `), error.message)
      assert.match(error.message, /, got ./)
      if (name === 'secretKey') assert.match(error.message, /got (an empty one|one of type \w+)$/)
      else if (typeof value === 'number') assert.ok(error.message.includes(String(value)), error.message)
      if (typeof value !== 'number') assert.ok(error instanceof TypeError, error.message)
    }),
    { numRuns, seed },
  )
  await nothingIsDone()
})

test('a right value is taken, and options that are undefined count as absent', async t => {
  const warnings: string[] = []
  const warned = ({ name, message }: Error) => warnings.push(`${name}: ${message}`)
  process.on('warning', warned)
  t.after(() => process.off('warning', warned))
  // Of the others the table leaves open which values are right: a search for one would not end.
  const values = fc.sample(anything, { numRuns: 3000, seed: 1 })
  const known = withName.filter(([call, name]) => values.some(value => call.options[name]?.(value) === true))
  const right = known.chain(([call, name]) =>
    fc.tuple(
      fc.constant(call),
      fc.constant(name),
      anything.filter(value => call.options[name]?.(value) === true),
      fc.subarray(Object.keys(call.options).filter(other => !held.has(other))),
    ),
  )
  await fc.assert(
    fc.asyncProperty(right, async ([call, name, value, others]) => {
      const absent = Object.fromEntries(others.map(other => [other, undefined]))
      const error = await failureOf(call, { ...absent, [name]: value })
      if (error instanceof TypeError || error instanceof RangeError)
        assert.match(error.message, /"nowhere" is not an address/, `${call.name}: ${name}`)
    }),
    { numRuns, seed },
  )
  // Of a time that is too long for a timer Node warns.
  await setImmediate()
  assert.deepEqual(warnings, [])
})

/** Given by the table: so that what begins is over at once. */
const held = new Set(['start', 'signal', 'mapArgs', 'serverAddress'])

async function failureOf(call: OptionedCall, options: object): Promise<unknown> {
  try {
    await call.call(options as never)
    return undefined
  } catch (error) {
    return error
  }
}

async function nothingIsDone(): Promise<void> {
  assert.deepEqual(await ctx.state.copy(), {})
  assert.equal(ctx.processList.length, 1)
  assert.equal(ctx.workerList.length, 0)
}

/** A letter left out, put in, replaced, in another case, or exchanged with the next. */
function misspellingOf(name: string): fc.Arbitrary<string> {
  const letter = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzABC_0')
  return fc
    .tuple(fc.nat(name.length - 1), letter, fc.constantFrom('out', 'in', 'instead', 'case', 'exchanged'))
    .map(([at, other, how]) => {
      const [before, here, rest] = [name.slice(0, at), name[at] ?? '', name.slice(at + 1)]
      const cased = here === here.toLowerCase() ? here.toUpperCase() : here.toLowerCase()
      if (how === 'out') return before + rest
      if (how === 'in') return before + other + here + rest
      if (how === 'instead') return before + other + rest
      if (how === 'case') return before + cased + rest
      return before + rest.slice(0, 1) + here + rest.slice(1)
    })
}

/** Insertions, deletions and replacements, in either case. */
function distance(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length
  const [x, y] = [a.slice(1), b.slice(1)]
  if (a[0]?.toLowerCase() === b[0]?.toLowerCase()) return distance(x, y)
  return 1 + Math.min(distance(x, b), distance(a, y), distance(x, y))
}
