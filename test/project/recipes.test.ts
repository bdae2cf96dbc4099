import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import test from 'node:test'
import { markdownIn, writeSnippets } from './run-snippets.ts'
import { isExpected } from './snippets.ts'

const index = 'docs/recipes/README.md'
const pages = markdownIn('docs/recipes').filter(page => page !== index)
const { snippets, compiled, run } = writeSnippets(pages)

test('every recipe is one program that checks its result and says what it prints', () => {
  assert.deepEqual(
    snippets.map(({ page }) => page),
    pages,
  )
  for (const { page, code, expected } of snippets) {
    assert.match(code, /^import assert from 'node:assert\/strict'$/m, page)
    assert.match(code, /\bassert(\.\w+)?\(/, page)
    assert.ok(expected, `${page} does not say what it prints`)
  }
})

test('the servers of the recipes listen on a port of their own, on this machine alone', () => {
  for (const { page, code } of snippets) {
    for (const [call] of code.matchAll(/\.listen\([^)]*\)/g))
      assert.equal(call, ".listen(0, '127.0.0.1')", page)
    for (const [, host] of code.matchAll(/\w+:\/\/([\w.-]+)/g)) assert.equal(host, '127.0.0.1', page)
    assert.doesNotMatch(code, /startServer\([^)]/, page)
  }
})

test('README.md and the index of the recipes link to each of them', () => {
  for (const page of pages) {
    assert.ok(readFileSync(index, 'utf8').includes(`](${basename(page)})`), `${index} lacks ${page}`)
    assert.ok(readFileSync('README.md', 'utf8').includes(`](${page})`), `README.md lacks ${page}`)
  }
})

test('every recipe compiles', async () => {
  const { code, stdout } = await compiled
  assert.equal(code, 0, stdout)
})

for (const snippet of snippets)
  test(`the recipe ${basename(snippet.page)} ends by itself and prints what its page says`, async () => {
    const { code, stdout, stderr } = await run(snippet)
    assert.equal(code, 0, `it ended with ${code}:\n${stdout}${stderr}`)
    if (isExpected(snippet.expected ?? '', stdout)) return
    assert.equal(stdout.trim(), snippet.expected)
  })
