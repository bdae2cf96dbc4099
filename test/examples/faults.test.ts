import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linesOf } from './printed.ts'
import { runExample } from './run.ts'

test('41-planted-faults.ts says what is wrong with each of its faults, and ends', async () => {
  const { code, stdout, stderr } = await runExample('41-planted-faults.ts', {})
  assert.equal(code, 0, stdout + stderr)
  const [, deadlock, worker, reader, baker, ...rest] = linesOf(stdout)
  assert.match(deadlock ?? '', /^deadlock: pid \d+ \((other )?clerk\) has (orders|stock) and waits for/)
  assert.match(worker ?? '', /^worker \d+ \(pid \d+\) has had item/)
  assert.match(reader ?? '', /^a reader of news in pid \d+ \(reader\) is [\d,]+ commits behind/)
  assert.match(baker ?? '', /^baker restarted \d+ times in 10 s, the last time with exit code 1$/)
  assert.deepEqual([rest, stderr], [[], ''])
})
