// What others chose, and a terminal would obey: no control character of a value comes out of the command line as it is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { json, safe, shown } from '../../src/cli/shown.ts'

const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\u001b', '\u009b', '\u0000', '\u007f', '\n', '\r', '[2J', 'ä'),
    fc.string({ maxLength: 3 }),
  ),
})
const value = fc.oneof(
  text,
  text.map(words => new Error(words)),
  text.map(words => Object.assign(new Error('of'), { stack: words, name: words })),
  text.map(words => new RegExp(words.replace(/[^\p{Cc}ä]/gu, ''))),
  text.map(words => ({ [words]: [words, new Map([[words, new Set([words])]])] })),
)

test('no control character of a value reaches the terminal, whatever it stands in', () => {
  fc.assert(
    fc.property(value, text, (any, words) => {
      assert.doesNotMatch(shown(any), /\p{Cc}/u)
      assert.doesNotMatch(shown(any, true), /[^\P{Cc}\n]/u)
      assert.doesNotMatch(json(any), /\p{Cc}/u)
      assert.doesNotMatch(safe(words), /\p{Cc}/u)
      assert.equal(JSON.parse(json(words)), words)
    }),
    { numRuns: 3000 },
  )
})
