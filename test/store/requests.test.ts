import assert from 'node:assert/strict'
import test from 'node:test'
import { Tell } from '../../src/protocol/messages.ts'
import { Requests } from '../../src/store/requests.ts'
import { result } from '../../src/store/store.ts'

const ask = (requests: Requests, call = 'call') => {
  let id = 0
  const answer = new Promise((resolve, reject) => {
    id = requests.add(call, resolve, reject, result, undefined)
  })
  return { id, answer }
}

test('each request gets its own answer, in whatever order they come and however many are under way', async () => {
  const requests = new Requests()
  const asked = Array.from({ length: 5000 }, (_, i) => ask(requests, `call ${i}`))
  assert.equal(requests.size, 5000)
  assert.equal(requests.callOf((asked[0] as { id: number }).id), 'call 0')
  const odd = asked.filter((_, i) => i % 2 === 1).reverse()
  const even = asked.filter((_, i) => i % 2 === 0)
  for (const { id } of [...odd, ...even]) requests.answer([Tell.ok, id, id * 2])
  for (const { id, answer } of asked) assert.equal(await answer, id * 2)
  assert.equal(requests.size, 0)
})

test('a request that takes long is still there after thousands of quick ones', async () => {
  const requests = new Requests()
  const slow = ask(requests, 'slow')
  for (let i = 0; i < 5000; i++) {
    const { id, answer } = ask(requests)
    requests.answer([Tell.ok, id, i])
    assert.equal(await answer, i)
  }
  assert.equal(requests.size, 1)
  assert.equal(requests.callOf(slow.id), 'slow')
  requests.answer([Tell.ok, slow.id, 'done'])
  assert.equal(await slow.answer, 'done')
  assert.equal(requests.callOf(slow.id), undefined)
})

test('an answer that nobody waits for changes nothing', () => {
  const requests = new Requests()
  const { id } = ask(requests)
  for (const other of [0, -1, 0.5, id + 1, id + 1024, Number.NaN, 2 ** 53])
    requests.answer([Tell.ok, other, 1])
  assert.equal(requests.size, 1)
  assert.equal(requests.forget(id)?.id, id)
  assert.equal(requests.forget(id), undefined)
  requests.answer([Tell.ok, id, 1])
  assert.equal(requests.size, 0)
})

test('those that are refused are refused once, the others go on', async () => {
  const requests = new Requests()
  const asked = Array.from({ length: 3000 }, () => ask(requests))
  const error = new Error('no')
  requests.refuseAll(id => (id % 2 === 0 ? error : undefined))
  assert.equal(requests.size, 1500)
  for (const { id } of asked) requests.answer([Tell.ok, id, id])
  const answers = await Promise.allSettled(asked.map(({ answer }) => answer))
  for (const [i, { id }] of asked.entries())
    assert.deepEqual(
      answers[i],
      id % 2 === 0 ? { status: 'rejected', reason: error } : { status: 'fulfilled', value: id },
    )
})

test('settled waits for what was asked before it, and for nothing else', async () => {
  const requests = new Requests()
  await requests.settled()
  const first = ask(requests)
  const others = Array.from({ length: 3000 }, () => ask(requests))
  let done = false
  const settled = requests.settled().then(() => {
    done = true
  })
  const later = ask(requests)
  for (const { id } of others) requests.answer([Tell.ok, id, 0])
  await others.at(-1)?.answer
  assert.equal(done, false)
  requests.refuse(first.id, new Error('gone'))
  await assert.rejects(first.answer, /gone/)
  await settled
  assert.equal(requests.callOf(later.id), 'call')
  requests.forget(later.id)
  await requests.settled()
})
