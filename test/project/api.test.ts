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

test('docs/api.md is what the comments say: `npm run docs` writes it', () => {
  assert.equal(readFileSync('docs/api.md', 'utf8'), apiPage(exports))
})
