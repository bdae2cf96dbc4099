import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { statOf } from '../../async/stat.ts'
import { entries, isEntry } from './main-module.ts'

/**
 * Does importing the module run the program again, by whatever way it imports it? Read from the texts
 * of the files, each once: the loader does not tell what it has loaded.
 */
export function leadsToEntry(url: string): boolean {
  if (entries().size !== judged) verdicts.clear()
  judged = entries().size
  let verdict = verdicts.get(url)
  if (verdict === undefined) {
    verdict = search(url)
    verdicts.set(url, verdict)
  }
  return verdict
}

/** For the entries that there were at the time. */
const verdicts = new Map<string, boolean>()
let judged = 0

function search(url: string): boolean {
  const met = new Set<string>()
  const waiting = [url]
  while (waiting.length > 0) {
    const at = waiting.pop()
    if (at === undefined || met.has(at)) continue
    if (isEntry(at)) return true
    met.add(at)
    waiting.push(...importsOf(at))
  }
  return false
}

const known = new Map<string, string[]>()

/** The files that a file imports as it is loaded; packages do not import the program. */
export function importsOf(url: string): string[] {
  const imports = known.get(url)
  if (imports) return imports
  const found: string[] = []
  // Imports of types are gone when the file is run.
  const text = textOf(url)?.replace(/\b(?:import|export)\s+type\b[^'"]*(['"])[^'"\n]*\1/g, '') ?? ''
  for (const [, , specifier] of text.matchAll(IMPORT)) {
    const target = specifier && existing(new URL(specifier, url).href)
    if (target) found.push(target)
  }
  known.set(url, found)
  return found
}

/** `from './x'`, `import './x'`, `require('./x')`; `import('./x')` is for later. */
const IMPORT = /(?:\bfrom\s*|\bimport\s*|\brequire\s*\(\s*)(['"])(\.{1,2}\/[^'"\n]+)\1/g

const ENDINGS = ['', '.js', '.ts', '.mjs', '.cjs', '.mts', '.cts', '.tsx', '.jsx', '/index.js', '/index.ts']

/** The file that a loader finds: it adds endings, and takes TypeScript for JavaScript. */
function existing(url: string): string | undefined {
  const bare = url.replace(/[?#].*$/, '')
  const candidates = [...ENDINGS.map(ending => bare + ending), bare.replace(/\.([cm]?)js$/, '.$1ts')]
  return candidates.find(candidate => {
    const path = fileURLToPath(candidate)
    return statOf(path)?.isFile() ?? false
  })
}

function textOf(url: string): string | undefined {
  if (!url.startsWith('file:') || !/\.[cm]?[jt]sx?(?:[?#]|$)/.test(url)) return undefined
  try {
    return readFileSync(fileURLToPath(url), 'utf8')
  } catch {
    return undefined
  }
}
