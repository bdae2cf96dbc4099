import { readdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../..', import.meta.url)
const written = (path: string): number =>
  statSync(new URL(path, root), { throwIfNoEntry: false })?.mtimeMs ?? 0

/** Throws unless `dist/`, which plain programs of the tests run on, is made of the source as it is. */
export function needsBuild(): void {
  const files = readdirSync(fileURLToPath(new URL('src', root)), { recursive: true, encoding: 'utf8' })
  const newest = Math.max(...files.map(file => written(`src/${file}`)))
  if (written('dist/index.js') < newest)
    throw new Error('dist/ is older than src/: run `npm run build` first')
}
