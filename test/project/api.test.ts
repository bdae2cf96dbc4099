import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import * as zproc from '../../src/index.ts'
import { readApi } from './api.ts'
import { apiPage } from './api-page.ts'

const exports = readApi()

test('every export of src/index.ts is read, with the members of classes and options', () => {
  const names = exports.map(({ name }) => name)
  assert.deepEqual(
    Object.keys(zproc).filter(name => !names.includes(name)),
    [],
  )
  const membersOf = (name: string) => exports.find(it => it.name === name)?.members.map(it => it.name) ?? []
  for (const [name, members] of Object.entries({
    State: ['constructor', 'get', 'whenNone', 'history', '[Symbol.asyncDispose]'],
    Context: ['static join', 'state', 'callWhen', 'processMap', 'secretKey'],
    ProcessOptions: ['args', 'retryFor', 'memoryLimit'],
    ServerOptions: ['data', 'maxMessageBytes'],
    ConnectionEvent: ['type', 'newLog', 'error'],
    KeyError: ['code', 'key'],
  }))
    for (const member of members) assert.ok(membersOf(name).includes(member), `${name}.${member}`)
  assert.ok(!exports.some(({ members }) => members.some(({ name }) => name.includes('#'))))
})

test('every export and every public member of one has a TSDoc comment', () => {
  const bare = exports.flatMap(({ name, doc, members }) => [
    ...(doc ? [] : [name]),
    ...members.filter(it => !it.doc).map(it => `${name}.${it.name}`),
  ])
  assert.deepEqual(bare, [])
})

test('the comment of each option says its default', () => {
  const options = exports.filter(({ name }) => name.endsWith('Options')).flatMap(it => it.members)
  assert.ok(options.length > 100)
  const silent = options
    .filter(({ doc }) => !/\bdefault/i.test(doc))
    .map(({ name, doc }) => `${name}: ${doc}`)
  assert.deepEqual(silent, [])
})

test('the error codes that comments name are those of src/errors.ts', () => {
  const codes = exports.flatMap(({ members }) =>
    members.filter(it => it.name === 'code').map(it => it.signature),
  )
  const named = new Set(readFileSync('docs/api.md', 'utf8').match(/\bZPROC_\w+/g))
  assert.ok(named.size > 5)
  for (const code of named) assert.ok(codes.includes(`code: "${code}"`) || code === 'ZPROC_ERROR', code)
})

test('docs/api.md is what the comments say: `npm run docs` writes it', () => {
  assert.equal(readFileSync('docs/api.md', 'utf8'), apiPage(exports))
})
