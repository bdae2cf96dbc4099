// Who may ask the inspector what.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { HEADERS } from '../../src/inspect/gate.ts'
import type { TreeWindow, ValueShown } from '../../src/inspect/messages.ts'
import { until } from '../kit/until.ts'
import { inspected } from './kit.ts'

const SECRET = 'a confidential value'
const calls = {
  tree: { namespace: 'default', revision: null, from: 0, count: 10, filter: '', order: 'put', open: [] },
  log: { namespace: 'default', from: 1, to: 10 },
  search: { namespace: 'default', key: '', process: '', method: '', before: null, until: 0 },
  commit: { namespace: 'default', revision: 1 },
  value: { namespace: 'default', key: 'k', revision: null },
}
const json = { 'content-type': 'application/json' }

test('without the token nothing is told, by no call; with it each call tells', async t => {
  const { state, token, send } = await inspected(t)
  await state.set('k', SECRET)
  const wrong = [undefined, '', 'Bearer', 'Bearer ', `Bearer ${token.slice(1)}`, `Bearer ${token}x`, token]
  for (const [name, question] of Object.entries(calls)) {
    const body = JSON.stringify(question)
    for (const authorization of wrong) {
      const headers = { ...json, ...(authorization !== undefined && { authorization }) }
      const refused = await send('POST', `/api/${name}`, headers, body)
      assert.equal(refused.status, 401, `${name} with ${authorization}`)
      assert.doesNotMatch(refused.text, /confidential/)
    }
    const told = await send('POST', `/api/${name}`, { ...json, authorization: `Bearer ${token}` }, body)
    assert.equal(told.status, 200, told.text)
    assert.match(told.text, /confidential/, name)
  }
  for (const name of ['stream', 'set', 'delete', 'nothing'])
    assert.equal((await send('POST', `/api/${name}`, json, '{}')).status, 401, name)
})

test('the page has no data and no token, and runs nothing but its own file', async t => {
  const { state, token, send } = await inspected(t)
  await state.set('k', SECRET)
  for (const path of ['/', '/page.js', '/page.css', '/icon.svg']) {
    const { status, headers, text } = await send('GET', path)
    assert.equal(status, 200, path)
    assert.ok(!text.includes(token) && !text.includes(SECRET))
    for (const [name, value] of Object.entries(HEADERS)) assert.equal(headers[name], value, name)
  }
  const { text } = await send('GET', '/')
  assert.doesNotMatch(text, /<script>|<style|style=|\son\w+=|javascript:/)
  const policy = HEADERS['content-security-policy']
  assert.match(policy, /^default-src 'none'; script-src 'self'; /)
  assert.doesNotMatch(policy, /unsafe|\*|https?:|data:/)
})

test('what is asked by another name than that of this machine is refused: a name can be made to lead here', async t => {
  const { port, token, send } = await inspected(t)
  const authorization = `Bearer ${token}`
  const hosts = ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1:${port + 1}`, '[::1]']
  for (const host of hosts)
    for (const path of ['/', '/page.js', '/api/tree']) {
      const { status } = await send('GET', path, { host, authorization })
      // Node itself refuses a request that names none.
      assert.ok([400, 421].includes(status), `${host} ${path}: ${status}`)
    }
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`])
    assert.equal((await send('GET', '/', { host })).status, 200)
})

test('what a page of another origin asks is refused, though it had the token', async t => {
  const { port, token, state, send } = await inspected(t, { canWrite: true })
  const asked = { ...json, authorization: `Bearer ${token}` }
  const body = JSON.stringify({ namespace: 'default', key: 'k', json: '1' })
  const foreign = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `http://127.0.0.1:${port + 1}` },
    { origin: `http://localhost:${port}` },
    { origin: `https://127.0.0.1:${port}` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ]
  for (const headers of foreign) {
    const { status, headers: answered } = await send('POST', '/api/set', { ...asked, ...headers }, body)
    assert.equal(status, 403, JSON.stringify(headers))
    assert.equal(answered['access-control-allow-origin'], undefined)
    const before = { ...headers, 'access-control-request-method': 'POST' }
    assert.notEqual((await send('OPTIONS', '/api/set', before)).status, 200)
  }
  // What a form can send without asking first.
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', undefined]) {
    const headers = { authorization: asked.authorization, ...(type && { 'content-type': type }) }
    assert.equal((await send('POST', '/api/set', headers, body)).status, 415, type)
  }
  assert.equal(await state.size(), 0)
  const own = { ...asked, origin: `http://127.0.0.1:${port}`, 'sec-fetch-site': 'same-origin' }
  assert.equal((await send('POST', '/api/set', own, body)).status, 200)
  assert.equal(await state.get('k'), 1)
})

test('the secret of the URL that a browser is started with is good for once', async t => {
  const { inspector, token, send } = await inspected(t)
  const enter = (secret: string) => send('POST', '/api/enter', { authorization: `Once ${secret}` })
  assert.equal((await enter('')).status, 401)
  const secret = new URLSearchParams(new URL(inspector.urlOnce()).hash.slice(1)).get('once') ?? ''
  assert.ok(secret.length > 40 && secret !== token)
  assert.equal((await enter(`${secret}x`)).status, 401)
  const first = await enter(secret)
  assert.deepEqual([first.status, JSON.parse(first.text)], [200, { token }])
  assert.equal((await enter(secret)).status, 401)
})

test('it listens at 127.0.0.1 alone', async t => {
  const { port } = await inspected(t)
  const others = Object.values(networkInterfaces())
    .flatMap(list => list ?? [])
    .filter(({ address, scopeid }) => address !== '127.0.0.1' && !scopeid)
  for (const { address } of others) {
    const socket = connect(port, address)
    const [event] = await Promise.race([
      once(socket, 'connect').then(() => ['connected']),
      once(socket, 'error').then(() => ['refused']),
    ]).catch(() => ['refused'])
    socket.destroy()
    assert.equal(event, 'refused', address)
  }
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
})

test('it changes nothing unless it was told that it may', async t => {
  const { state, call } = await inspected(t)
  await state.set('k', 1)
  const asked = { namespace: 'default', key: 'k', json: '2' }
  for (const name of ['set', 'delete']) await assert.rejects(call(name, asked), /403: .*--write/)
  assert.deepEqual(await state.copy(), { k: 1 })
  assert.equal((await call<ValueShown>('value', calls.value)).json, null)
})

test('told that it may, it sets and deletes keys, and says what is wrong with a value', async t => {
  const { state, call } = await inspected(t, { canWrite: true })
  await call('set', { namespace: 'default', key: 'k', json: '{"a":[1,2]}' })
  assert.deepEqual(await state.copy(), { k: { a: [1, 2] } })
  const jsonOf = async (key: string) => {
    await until(async () => (await call<TreeWindow>('tree', calls.tree)).rows.some(row => row.key === key))
    return (await call<ValueShown>('value', { ...calls.value, key })).json
  }
  assert.deepEqual(JSON.parse((await jsonOf('k')) ?? ''), { a: [1, 2] })
  // It is shown whole where it is short as text; to be edited it is too long.
  await state.set('long', Array(300_000).fill(0))
  assert.equal(await jsonOf('long'), null)
  await state.delete('long')
  await assert.rejects(call('set', { namespace: 'default', key: 'k', json: '{a' }), /400: .*must be JSON/)
  await assert.rejects(call('set', { namespace: 'default', key: '__proto__', json: '1' }), /409: .*__proto__/)
  assert.deepEqual(await call('delete', { namespace: 'default', key: 'k' }), { deleted: true })
  assert.deepEqual(await call('delete', { namespace: 'default', key: 'k' }), { deleted: false })
  assert.equal(await state.size(), 0)
})

test('what makes no sense is refused with words, and the inspector goes on', async t => {
  const { send, token, call } = await inspected(t)
  const headers = { ...json, authorization: `Bearer ${token}` }
  const bodies: [name: string, body: string, status: number][] = [
    ['tree', '', 400],
    ['tree', '[]', 400],
    ['tree', '{"namespace":5}', 400],
    ['tree', JSON.stringify({ ...calls.tree, count: 1e9 }), 400],
    ['tree', JSON.stringify({ ...calls.tree, open: [{ key: 1 }] }), 400],
    ['tree', JSON.stringify({ ...calls.tree, namespace: 'none' }), 404],
    ['commit', JSON.stringify({ ...calls.commit, revision: 99 }), 409],
    ['constructor', '{}', 404],
    ['tree', `"${'x'.repeat(9 << 20)}"`, 413],
  ]
  for (const [name, body, status] of bodies) {
    const answer = await send('POST', `/api/${name}`, headers, body).catch((error: Error) => error)
    // A request that is too long is cut off while it is being sent, and its answer may be lost with it.
    if (answer instanceof Error) {
      assert.equal(status, 413, answer.message)
      continue
    }
    assert.equal(answer.status, status, `${name} ${body.slice(0, 60)}: ${answer.text}`)
    assert.ok(JSON.parse(answer.text).error.length > 10)
  }
  assert.equal((await send('GET', '/api/tree', headers)).status, 405)
  for (const path of ['/../package.json', '//', '/?/../', '/%zz'])
    assert.equal((await send('GET', path, headers)).status, path === '/?/../' ? 200 : 404, path)
  // To look at a namespace that is not there would make it.
  assert.equal((await call<{ keys: number }>('tree', calls.tree)).keys, 0)
})
