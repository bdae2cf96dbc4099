import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importedAs } from '../../src/shipping/imports.ts'
import { outlineOf } from '../../src/shipping/outline.ts'

const importOf = (source: string, name: string) => {
  const outline = outlineOf(source)
  assert.ok(outline, source)
  const found = outline.imported(name)
  if (found === undefined || found === 'unclear') return found
  const { specifier, path } = importedAs(found) ?? {}
  return [specifier, ...(path ?? [])]
}

test('what a module imports is told without parsing the rest of it', () => {
  const source = `#!/usr/bin/env node
import def, { a, b as c } from 'x'; import * as all from "./y.js"
import{d}from'z'
import data from './data.json' with { type: 'json' }
const local = 1, text = "import { e } from 'text'", pattern = /import { f } from 'pattern'/
// import g from 'comment'
const long = \`import h from 'template' \${a}\`
export { i } from 'elsewhere'
function a1() { return a }
`
  for (const [name, expected] of [
    ['def', ['x', 'default']],
    ['a', ['x', 'a']],
    ['c', ['x', 'b']],
    ['all', ['./y.js']],
    ['d', ['z', 'd']],
    ['data', ['./data.json', 'default']],
    ...['b', 'local', 'e', 'f', 'g', 'h', 'i', 'a1', 'text'].map(each => [each, undefined] as const),
  ] as const)
    assert.deepEqual(importOf(source, name), expected, name)
})

test('what may hold a module that was awaited is unclear, all else is not', () => {
  for (const declaration of [
    "const a = await import('x')",
    "const { a } = await import('x')",
    "const{b:a,...c}=await import('x')",
    "export const { a, d } = (await import('x')).default",
    "let a = __toESM(await import('x'), 1)",
  ]) {
    const source = `import { z } from 'z'\nconst y = 1\n${declaration}; a`
    assert.equal(importOf(source, 'a'), 'unclear', declaration)
    assert.deepEqual(importOf(source, 'z'), ['z', 'z'])
    assert.equal(importOf(source, 'y'), undefined)
  }
  for (const source of [
    "export const f = async () => { await import('x') }; let a",
    "const list = [import('x')], b = 1; let a",
    'async function f(a) { return (await import(a)).b }',
  ])
    assert.equal(importOf(source, 'a'), undefined, source)
})

test('where the imports and exports do not say it, there is no outline', () => {
  for (const source of [
    "import { createRequire } from 'node:module'; const x = createRequire(import.meta.url)('x')".replace(
      'x =',
      'require =',
    ),
    "const y = 1, x = await import('x')",
    "const __vi_import_0__ = await __vi_import__('x')",
    'export default () => 1',
    'const f = () => 1; export default f',
    'import {',
  ])
    assert.equal(outlineOf(source), undefined, source)
})

test('exports are told by their local names', () => {
  const source = `export const a = 1, { b } = {}; export async function c() {} export class D {}
const e = 1; export { e as f, e as 'g h' }; export { i } from 'x'; export * from 'y'; export default function j() {}`
  assert.deepEqual([...(outlineOf(source)?.exports ?? [])].sort(), [
    ['D', 'D'],
    ['a', 'a'],
    ['b', 'b'],
    ['c', 'c'],
    ['e', 'g h'],
    ['j', 'default'],
  ])
})
