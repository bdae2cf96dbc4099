import { existsSync } from 'node:fs'
// By the whole module: webpack replaces a `createRequire` that is imported by its name.
import nodeModule from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ZprocError } from '../errors.ts'
import { assertStarts } from './runtime.ts'

// A bundle in CommonJS has no `import.meta.url`: packages are then looked for from the program's folder.
const bundled: string | undefined = import.meta.url
const ending = bundled?.endsWith('.ts') ? '.ts' : '.js'

/** Where zproc's own files are. */
export const home: string = bundled ?? pathToFileURL(`${process.cwd()}/home.js`).href

/** A `require` that looks for packages from this file on. */
export const requireAt = (url: string): NodeJS.Require => nodeModule.createRequire(url)

/** A module of zproc that another process or thread loads by its URL: `server/main`. */
export const ownModule = (path: string): URL => new URL(`../${path}${ending}`, home)

/**
 * Throws unless this program can start the module in a process or thread: a bundler that puts zproc into the program's file
 * leaves it out, and another runtime than Node may not be able to.
 */
export function assertPresent(entry: URL): void {
  assertStarts()
  const path = fileURLToPath(entry)
  if (existsSync(path)) return
  throw new ZprocError(
    `zproc's module ${path} is missing, which other processes load: a bundler put zproc into the program's own file. ` +
      "Keep it out: `--external:zproc` of esbuild, `external: ['zproc']` of rollup, `externals: { zproc: 'module zproc' }` of " +
      "webpack, `ssr: { external: ['zproc'] }` of Vite; and install zproc where the program runs.",
  )
}
