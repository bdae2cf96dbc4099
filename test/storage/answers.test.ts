import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Packed } from '../../src/protocol/values.ts'
import { Answers } from '../../src/storage/answers.ts'
import { held } from '../kit/memory.ts'

const MB = 1 << 20

test('answers that are large take as much memory as is kept of them, however many there were', async () => {
  const before = (await held()).arrayBuffers
  const answers = new Answers()
  for (let i = 1; i <= 300; i++) answers.add(i, 1, new Packed(new Uint8Array(MB)), 1)
  const grown = ((await held()).arrayBuffers - before) / MB
  const kept = [...answers].map(([id]) => id)
  assert.ok(kept.length >= 15 && kept.length <= 17 && kept.at(-1) === 300, `${kept}`)
  assert.ok(grown < 40, `${grown} MB are held for ${kept.length} answers`)
})
