import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsed } from '../../src/shipping/source/parsed.ts'

const MAP = '//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozfQ=='

test('the map at the end of a text is passed over, and nothing else is', () => {
  for (const [source, end] of [
    [`const one = () => 1\n${MAP}`, 19],
    [`const one = () => 1\n${MAP}\n`, 19],
    // No map, but part of the code.
    [`const one = () => \`\n${MAP}\``, undefined],
    [`const one = () => 1 /*\n${MAP}*/`, undefined],
    [`const one = () => 1\n${MAP}\nconst two = () => 2`, undefined],
  ] as const) {
    const found = parsed(source, true)
    assert.ok(found, source)
    assert.equal(found.program.end, end ?? source.length)
    assert.equal(found.functions.length, source.includes('two') ? 2 : 1)
  }
})
