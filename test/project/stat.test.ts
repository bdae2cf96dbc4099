import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const HOME = join('src', 'async', 'stat.ts')
const STAT = /\b[lf]?statSync\b/

test('the kind of a file is asked for in src/async/stat.ts alone', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts'))
    .map(file => join('src', file))
  const using = files.filter(file => STAT.test(readFileSync(file, 'utf8')))
  assert.deepEqual(using, [HOME])
})
