import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import * as zproc from '../../src/index.ts'

const page = readFileSync('docs/errors.md', 'utf8')
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map(section => [section.slice(0, section.indexOf('\n')), section] as const),
)
sections.delete('Warnings')
const codes = new Map(
  [...readFileSync('src/errors.ts', 'utf8').matchAll(/^ {2}(?:override )?readonly code\b[^']*'(\w+)'/gm)].map(
    ([, code = '']) => [code, classOf(code)] as const,
  ),
)

test('docs/errors.md has a section for every code of src/errors.ts, and for nothing else', () => {
  assert.ok(codes.size > 10)
  assert.deepEqual([...sections.keys()].sort(), [...codes.keys()].sort())
})

test('each section names the class, what to do, and a program that meets the error', () => {
  for (const [code, section] of sections) {
    assert.match(section, new RegExp(`\`${codes.get(code)}\``), code)
    for (const part of ['- **Causes.**', '- **What to do.**', '```ts\n', '```text\n'])
      assert.ok(section.includes(part), `${code} has no ${part}`)
  }
})

test('the warnings of the source are on the page', () => {
  const warnings = ['src/transport/key.ts', 'src/shipping/capture/weight.ts'].flatMap(file =>
    [...readFileSync(file, 'utf8').matchAll(/'(ZPROC_\w+)'/g)].map(([, code = '']) => code),
  )
  assert.ok(warnings.length > 0)
  for (const code of warnings) assert.ok(page.includes(`\`${code}\``), code)
})

/** The exported class whose errors carry the code, by the names: ZPROC_PROCESS_WAIT is ProcessWaitError. */
function classOf(code: string): string {
  const words = code.split('_').slice(1)
  const name = words.map(word => word[0] + word.slice(1).toLowerCase()).join('')
  const found = [`${name}Error`, `${name}Exception`, name, `Zproc${name}`].find(it => it in zproc)
  assert.ok(found, `no exported class for ${code}`)
  return found
}
