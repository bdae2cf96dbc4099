import assert from 'node:assert/strict'
import test from 'node:test'
import { markdownIn, writeSnippets } from './run-snippets.ts'
import { isExpected, snippetsOf } from './snippets.ts'

// The programs of docs/recipes are run by recipes.test.ts.
const pages = [
  'README.md',
  'llms.txt',
  ...markdownIn('docs').filter(page => !page.startsWith('docs/recipes/')),
]
const { snippets, compiled, run } = writeSnippets(pages)

test('every ts snippet of the documentation compiles', async () => {
  const { code, stdout } = await compiled
  assert.equal(code, 0, stdout)
})

for (const snippet of snippets) {
  const name = `the snippet at ${snippet.page}:${snippet.line} runs${snippet.expected === undefined ? '' : ' and prints what the page says'}`
  test(name, async () => {
    const { code, stdout, stderr } = await run(snippet)
    assert.equal(code, 0, `it ended with ${code}:\n${stdout}${stderr}`)
    if (snippet.expected === undefined || isExpected(snippet.expected, stdout)) return
    assert.equal(stdout.trim(), snippet.expected)
  })
}

test('snippets, their lines and their outputs are read from a page', () => {
  const page = [
    '```ts',
    'one()',
    '```',
    '',
    '```text',
    'pid …',
    '```',
    '```js no-run',
    'two()',
    '```',
    'Words.',
    '~~~~js',
    '```',
    '~~~~',
    'Words.',
    '```text',
    'no output',
    '```',
  ]
  assert.deepEqual(snippetsOf('a.md', page.join('\n')), [
    { page: 'a.md', line: 2, language: 'ts', code: 'one()', expected: 'pid …' },
    { page: 'a.md', line: 13, language: 'js', code: '```', expected: undefined },
  ])
  assert.throws(() => snippetsOf('a.md', 'Words.\n```ts'), /line 2 is never closed/)
})

test('an expected output is compared whole, where … stands for anything', () => {
  assert.ok(isExpected('pid … (main)\ndone', 'pid 17 (main)  \ndone\n'))
  assert.ok(!isExpected('done', 'done\ndone'))
  assert.ok(!isExpected('a.c', 'abc'))
})
