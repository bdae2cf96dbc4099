import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { home, requireAt } from '../../async/home.ts'

/** Is it the program itself? Importing that would run it a second time. */
export function isEntry(url: string): boolean {
  const bare = url.replace(/[?#].*$/, '')
  return entries().has(bare) || entries().has(bare.replace(/\.\w+$/, ''))
}

/** The program's own modules: also those of the processes that this one came from. */
export function entries(): Set<string> {
  if (known) return known
  known = new Set(given)
  const main = process.argv[1]
  if (main && main !== '-') {
    try {
      // `node .` and `node script` leave out what the loader adds.
      addEntry(pathToFileURL(realpathSync(load.resolve(main))).href)
    } catch {
      // A program that is not a file.
    }
    addEntry(pathToFileURL(main).href)
  }
  return known
}

/** Looking for those of this process can wait until somebody asks: most never do. */
export function addEntry(url: string): void {
  // Also without its ending: `./main` and `./main.js` may both stand for main.ts.
  for (const name of [url, url.replace(/\.\w+$/, '')]) (known ?? given).add(name)
}

export function isFileSpecifier(specifier: string): boolean {
  return /^(?:\.{0,2}\/|file:)/.test(specifier)
}

/** The file that a relative import means; test runners write paths from the root of the project. */
export function resolveFile(specifier: string, from: string): string {
  if (!specifier.startsWith('/') || !from.startsWith('file:')) return new URL(specifier, from).href
  const path = specifier.replace(/^\/@fs(?=\/)/, '')
  if (existsSync(path)) return pathToFileURL(path).href
  for (let folder = dirname(fileURLToPath(from)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, path))) return pathToFileURL(join(folder, path)).href
    if (folder === dirname(folder)) return pathToFileURL(path).href
  }
}

/** The hash of a module as this process knows it: of its file, when a function first came from there. */
export function loadedHash(url: string): string | undefined {
  const known = hashes.get(url)
  if (known !== undefined) return known
  const hash = fileHash(url)
  if (hash !== undefined) hashes.set(url, hash)
  return hash
}

/** The hash of a module's file, so that the other side can tell whether it has the same one. */
export function fileHash(url: string): string | undefined {
  if (!url.startsWith('file:')) return undefined
  try {
    return crypto()
      .createHash('sha256')
      .update(readFileSync(fileURLToPath(url)))
      .digest('base64url')
      .slice(0, 22)
  } catch {
    return undefined
  }
}

const hashes = new Map<string, string>()
const given = new Set<string>()
let known: Set<string> | undefined
const load = requireAt(home)

/** Loaded when it is needed: most processes never compare files. */
function crypto(): typeof import('node:crypto') {
  return load('node:crypto')
}
