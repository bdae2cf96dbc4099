import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { chart } from '../../bench/kit/chart.ts'
import { page } from '../../bench/kit/docs.ts'
import { inTurn, median, quantile } from '../../bench/kit/measure.ts'
import { rowsOf, shown, type Table } from '../../bench/kit/report.ts'
import { isBroken, judge, type Promised, promises } from '../../bench/promises.ts'

const table: Table = {
  file: 'calls',
  title: 'One call at a time',
  unit: 'µs',
  rows: rowsOf({ 'bare <echo>': [10, 20, 30], set: [11, 24, 30], get: [12, 48, 60] }),
}
const promise: Promised = { ...table, row: 'set', of: 'ratio', atMost: 1.1, slack: 0.1 }

test('a quick run asks its questions on the source, prints its tables and checks the answers', async () => {
  const { code, stdout, stderr } = await bench({ BENCH_QUICK: '1' }, 'ping-pong', 'watchers')
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^Node v\d+.*, \d{4}-\d\d-\d\d\n/)
  assert.match(
    stdout,
    /── ping-pong ─+\n\nThere and back through watchers\n[\s\S]*÷ bare echo[\s\S]*ping-pong/,
  )
  assert.match(stdout, /── watchers ─+\n\n100 States of one process[\s\S]*Reading a view\n[\s\S]*view.get/)
})

test('what there is not is refused, with what there is', async () => {
  const runs = await Promise.all([
    bench({}, '--fast'),
    bench({}, 'nothing-like-it'),
    bench({ BENCH_QUICK: '1' }, '--docs', 'calls'),
  ])
  const complaints = [
    'no option --fast',
    "no file has 'nothing-like-it'",
    'figures of a quick run say nothing',
  ]
  runs.forEach(({ code, stdout, stderr }, i) => {
    assert.deepEqual([code, stdout], [1, ''])
    assert.ok(stderr.includes(complaints[i] as string), stderr)
    assert.match(stderr, /usage: .*\nnames: .*calls.*, watchers\n$/)
  })
})

test('candidates take turns, each round another first, and rounds that warm up do not count', async () => {
  const order: string[] = []
  const figures = await inTurn(
    2,
    {
      a: async () => order.push('a'),
      b: async () => order.push('b'),
    },
    1,
  )
  assert.deepEqual(order.join(''), 'abbaab')
  assert.deepEqual(figures, { a: [4, 5], b: [3, 6] })
})

test('medians, quartiles and ratios per round', () => {
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(median([4, 1, 2, 3]), 2.5)
  assert.equal(quantile([0, 10, 20, 30, 40], 0.25), 10)
  assert.deepEqual(
    table.rows.map(({ ratio }) => ratio),
    [1, 1.1, 2],
  )
  assert.deepEqual([123_456.7, 99.96, 1.234, 0.001_234].map(shown), ['123,457', '100', '1.23', '0.00123'])
})

test('a promise is kept, within its slack, broken or not measured', () => {
  const verdict = (changes: Partial<Promised>) => judge([table], [{ ...promise, ...changes }])[0]?.verdict
  assert.equal(verdict({}), 'kept')
  assert.equal(verdict({ atMost: 1.05 }), 'within slack')
  assert.equal(verdict({ atMost: 0.9 }), 'broken')
  assert.equal(verdict({ row: 'get', to: 'set' }), 'broken')
  assert.equal(verdict({ row: 'get', to: 'set', atMost: 2 }), 'kept')
  assert.equal(verdict({ of: 'median', atMost: undefined, atLeast: 24 }), 'kept')
  assert.equal(verdict({ of: 'median', atMost: undefined, atLeast: 25 }), 'within slack')
  assert.equal(verdict({ of: 'median', atMost: undefined, atLeast: 27 }), 'broken')
  assert.equal(verdict({ row: 'pop' }), 'not measured')
  assert.equal(verdict({ to: 'pop' }), 'not measured')
  assert.equal(verdict({ title: 'another' }), 'not measured')
  assert.equal(verdict({ file: 'another' }), 'not measured')
})

test('a check fails for what is broken, and for what nobody measured unless it needs a peer', () => {
  const broken = (changes: Partial<Promised>) => judge([table], [{ ...promise, ...changes }]).some(isBroken)
  assert.equal(broken({}), false)
  assert.equal(broken({ atMost: 1.05 }), false)
  assert.equal(broken({ atMost: 0.9 }), true)
  assert.equal(broken({ row: 'pop' }), true)
  assert.equal(broken({ row: 'pop', peer: 'somebody' }), false)
})

test('every promise is of a file that there is, with one limit', () => {
  for (const { file, atMost, atLeast } of promises) {
    assert.ok(existsSync(join('bench', `${file}.ts`)), file)
    assert.equal([atMost, atLeast].filter(limit => limit !== undefined).length, 1)
  }
})

test('the page has the question, the figures and a picture of each table', () => {
  const text = page([table])
  assert.match(text, /## calls\n\nHow long does one call take[^\n]*\n\n### One call at a time\n/)
  assert.ok(text.includes('| set | 24 | 17.5 – 27 | 1.10 |'), text)
  assert.ok(text.includes('![One call at a time](benchmarks/calls-1.svg)'), text)
})

test('a picture has a bar for each row, as long as its figure, and names in full', () => {
  const svg = chart(table)
  const widths = [...svg.matchAll(/<rect x="\d+" y="\d+" width="([\d.]+)"/g)].map(match => Number(match[1]))
  assert.equal(widths.length, 3)
  assert.ok(Math.abs((widths[2] as number) / (widths[0] as number) - 48 / 20) < 0.01, String(widths))
  assert.ok(svg.includes('>bare &lt;echo&gt;</text>'), svg)
  assert.ok(svg.includes('>One call at a time (µs)</text>'), svg)
})

interface Ended {
  code: number | string | undefined | null
  stdout: string
  stderr: string
}

function bench(env: NodeJS.ProcessEnv, ...args: string[]): Promise<Ended> {
  return new Promise(resolve => {
    const node = ['--import', 'tsx', join('bench', 'run.ts'), ...args]
    execFile(
      process.execPath,
      node,
      { env: { ...process.env, BENCH_QUICK: '', ...env } },
      (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }),
    )
  })
}
