import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ask, isOfState, isRead, isWrite, unanswered } from '../../src/protocol/kinds-of-requests.ts'
import { reads, writes } from '../../src/store/methods.ts'

test('dict methods have kinds of their group: others would not be asked again, nor refused within a hold', () => {
  const kinds = (methods: object) => Object.keys(methods).map(Number)
  assert.deepEqual(
    kinds(reads).filter(kind => !isRead(kind)),
    [],
  )
  assert.deepEqual(
    kinds(writes).filter(kind => !isWrite(kind)),
    [],
  )
})

test('a kind is of one group at most, and what is of the state has an answer', () => {
  const kinds: number[] = Object.values(Ask)
  assert.equal(new Set(kinds).size, kinds.length)
  for (const kind of kinds) {
    assert.ok(!(isRead(kind) && isWrite(kind)), `${kind}`)
    assert.ok(!(isOfState(kind) && unanswered.has(kind)), `${kind}`)
  }
})
