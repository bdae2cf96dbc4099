import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

/** The one place that takes them from Node; and the one that puts the real `process.nextTick` back for Node's own sockets. */
const HOME = join('src', 'async', 'interval.ts')
const TICKS = join('src', 'async', 'ticks.ts')
const BARE =
  /\b(?:set|clear)(?:Timeout|Interval|Immediate)\b|\bprocess\.nextTick\b|(?<!['`])\bqueueMicrotask\b(?!['`:])|\bDate\.now\b|\bperformance\.now\b|\bprocess\.hrtime\b|\bAbortSignal\.timeout\b|['"](?:node:)?timers(?:\/promises)?['"]/

/** Texts of functions that are shipped are no code of zproc's: the names of globals that they may use. */
const NAMES = join('src', 'shipping', 'modules', 'builtins.ts')

test('zproc schedules and reads the time only through src/async/interval.ts', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts'))
    .map(file => join('src', file))
  assert.ok(files.includes(HOME))
  const found = files
    .filter(file => file !== HOME && file !== TICKS && file !== NAMES)
    .flatMap(file =>
      readFileSync(file, 'utf8')
        .split('\n')
        .map((line, index) => ({
          line: line.replace(/^\s*(?:\/\/|\/?\*).*/, ''),
          at: `${file}:${index + 1}`,
        }))
        .filter(({ line }) => BARE.test(line))
        .map(({ line, at }) => `${at}: ${line.trim()}`),
    )
  assert.deepEqual(found, [])
})
