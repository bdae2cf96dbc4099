import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importedAs } from '../../src/shipping/modules/imports.ts'
import { outlineOf } from '../../src/shipping/source/outline.ts'

const importOf = (source: string, name: string) => {
  const outline = outlineOf(source)
  assert.ok(outline, source)
  if (outline.isUnclear(name)) return 'unclear'
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

test('what may hold a module that was awaited is unclear', () => {
  for (const declaration of [
    "const a = await import('x')",
    "const { a } = await import('x')",
    "const{b:a,...c}=await import('x')",
    "const y = 1, a = await import('x')",
    "export const { a, d } = (await import('x')).default",
    "let a = __toESM(await import('x'), 1)",
    "const a = /* \\n */ await /* later */ import('x')",
    "const a = // soon\n  await (import('x'))",
    "async function f() { const { a } = await import('x'); return () => a }",
  ]) {
    const source = `import { z } from 'z'\n${declaration}; const y = 1`
    assert.equal(importOf(source, 'a'), 'unclear', declaration)
    assert.equal(importOf(`${source}; ${declaration}`, 'nothing'), undefined)
  }
  const far = `const a = await import('x'); ${'f();'.repeat(300)} const b = 1; import { z } from 'z'`
  assert.deepEqual([importOf(far, 'b'), importOf(far, 'z')], [undefined, ['z', 'z']])
  const none = `${'f();'.repeat(300)} await import('x')`
  assert.equal(outlineOf(none), undefined)
})

test('where the imports and exports do not say it, there is no outline', () => {
  for (const source of [
    "import { createRequire } from 'node:module'; const x = createRequire(import.meta.url)('x')".replace(
      'x =',
      'require =',
    ),
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
