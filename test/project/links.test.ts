import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { markdownIn } from './run-snippets.ts'

const pages = [...readdirSync('.').filter(file => file.endsWith('.md')), 'llms.txt', ...markdownIn('docs')]
const packed: string[] = JSON.parse(readFileSync('package.json', 'utf8')).files

test('every link of the documentation leads to a file that is there, and to a heading of it', () => {
  const broken = pages.flatMap(page =>
    linksOf(page)
      .filter(({ path, heading }) => !existsSync(path) || (heading && !headingsOf(path).includes(heading)))
      .map(({ path, heading }) => `${page}: ${path}${heading && `#${heading}`}`),
  )
  assert.deepEqual(broken, [])
})

test('the files that docs/architecture.md names are there', () => {
  const named = readFileSync('docs/architecture.md', 'utf8').match(/\b[\w-]+\/[\w/.-]*\.ts\b/g) ?? []
  assert.ok(named.length > 30)
  const missing = named.filter(file => !existsSync(join('src', file)) && !existsSync(file))
  assert.deepEqual(missing, [])
})

test('README.md links to every page of docs', () => {
  const linked = linksOf('README.md').map(({ path }) => path)
  const missing = markdownIn('docs').filter(
    page => !linked.includes(page) && page !== 'docs/recipes/README.md',
  )
  assert.deepEqual(missing, [])
})

test('the links of pages in the package lead into the package', () => {
  const inside = (path: string) =>
    ['README.md', 'LICENSE', 'package.json', ...packed].some(it => path === it || path.startsWith(`${it}/`))
  const outside = pages
    .filter(inside)
    .flatMap(page => linksOf(page).map(({ path }) => `${page}: ${path}`))
    .filter(link => !inside(link.split(': ')[1] ?? ''))
  assert.deepEqual(outside, [])
})

/** The links of a page to files of the repository, its code left aside. */
function linksOf(page: string): { path: string; heading: string }[] {
  const text = readFileSync(page, 'utf8')
    .replace(/^(`{3,}|~{3,})[\s\S]*?^\1/gm, '')
    .replace(/`[^`\n]*`/g, '')
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter(target => !/^[a-z]+:/.test(target))
    .map(target => {
      const [path = '', heading = ''] = target.split('#')
      return { path: path === '' ? page : join(dirname(page), path), heading }
    })
}

/** The anchors that Markdown viewers give to the headings of a page. */
function headingsOf(page: string): string[] {
  return [...readFileSync(page, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
}
