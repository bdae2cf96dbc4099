// The last lines that a process has printed, against a model that keeps all of them.
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { LastLines } from '../../src/process/last-lines.ts'

test('the last lines are those of all that was printed, however it was cut into pieces', async () => {
  const piece = fc.oneof(
    fc.constantFrom('\n', 'a', 'žluť', '\r\n', '🍪', 'a line\n', '\n\n\n'),
    fc.string({ maxLength: 20 }),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 60 }),
      fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 8 }),
      async (pieces, cuts, most) => {
        const last = new LastLines(most)
        const from = new PassThrough()
        last.hear(from, 'stdout')
        // In the middle of characters as well.
        const bytes = Buffer.from(pieces.join(''))
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const length = cuts[i % cuts.length] as number
          from.write(bytes.subarray(at, at + length))
          at += length
        }
        await new Promise(resolve => setImmediate(resolve))
        const lines = bytes.toString().split('\n')
        if (lines.at(-1) === '') lines.pop()
        const expected = lines.slice(-most).map(line => line.replace(/\r$/, ''))
        assert.deepEqual(
          last.get().map(({ text }) => text),
          expected,
        )
      },
    ),
  )
})

test('lines that are very long, and output that is very much, take a bounded amount of memory', async () => {
  const last = new LastLines(3)
  const from = new PassThrough()
  last.hear(from, 'stderr')
  for (let i = 0; i < 200; i++) from.write(`${'x'.repeat(100_000)}${i % 50 === 0 ? '\n' : ''}`)
  from.end('the end')
  await new Promise(resolve => from.once('close', resolve))
  const lines = last.get()
  assert.equal(lines.length, 3)
  assert.ok(lines.every(({ text, stream }) => text.length <= 501 && stream === 'stderr'))
  assert.equal(new LastLines(0).get().length, 0)
})
