import { readdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../..', import.meta.url)
const written = (path: string): number =>
  statSync(new URL(path, root), { throwIfNoEntry: false })?.mtimeMs ?? 0

/** Throws unless `dist/`, which plain programs of the tests run on, is made of the source as it is. */
export function needsBuild(): void {
  if (written('dist/index.js') < newestIn('src'))
    throw new Error('dist/ is older than src/: run `npm run build` first')
}

/** Throws unless the page of `zproc inspect` in `dist/` is made of its source as it is. */
export function needsPage(): void {
  if (written('dist/inspect/page.js') < newestIn('inspector'))
    throw new Error('dist/inspect/ is older than inspector/: run `npm run build` first')
}

function newestIn(folder: string): number {
  const files = readdirSync(fileURLToPath(new URL(folder, root)), { recursive: true, encoding: 'utf8' })
  return Math.max(...files.map(file => written(`${folder}/${file}`)))
}
