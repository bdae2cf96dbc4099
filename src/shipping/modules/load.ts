import { existsSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import vm from 'node:vm'
import { requireAt } from '../../async/home.ts'
import { ShippingError } from '../../errors.ts'
import type { Interop, Node } from '../shipment.ts'
import { fileHash, isFileSpecifier, resolveFile } from '../source/main-module.ts'

/** Imports what a shipped function had imported, as seen from the module that wrote it. */
export async function importNode({
  from,
  specifier,
  path,
  hash,
}: Extract<Node, { kind: 'import' }>): Promise<unknown> {
  checkHash(specifier, hash)
  const module = await importFrom(from)(specifier).catch((error: unknown) => {
    throw missing(error, specifier, from)
  })
  return follow(module, path, noExport(specifier, path))
}

/** A module that is not found is a matter of the installation here; what it throws itself is its own. */
function missing(error: unknown, specifier: string, from: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const isMissing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
  const isUnread = code === 'ERR_UNKNOWN_FILE_EXTENSION' || error instanceof SyntaxError
  if ((isUnread && TYPESCRIPT.test(specifier)) || (isMissing && isTypeScript(specifier, from))) {
    return new ShippingError(
      `'${specifier}', which the function that was sent from ${from} needs, is TypeScript, and this process has no loader ` +
        'for it: a loader that a program registers by code is in that program alone. Name it on the command line, ' +
        "`node --import tsx`, `node --require @swc-node/register` or `node --require ts-node/register`, or in `execArgv` of the Context's options.",
      { cause: error },
    )
  }
  if (!isMissing) return error
  return new ShippingError(
    `'${specifier}' cannot be imported on this side, and the function that was sent from ${from} needs it. Install the same program on both sides.`,
    { cause: error },
  )
}

const TYPESCRIPT = /\.[cm]?tsx?$/

/** Whether a file that is missing is there under an ending of TypeScript. */
function isTypeScript(specifier: string, from: string): boolean {
  if (!isFileSpecifier(specifier) || !from.startsWith('file:')) return false
  const path = fileURLToPath(new URL(specifier, from)).replace(/\.[cm]?jsx?$/, '')
  return ['.ts', '.tsx', '.mts', '.cts'].some(ending => existsSync(path + ending))
}

export function requireNode({
  from,
  specifier,
  path,
  hash,
  interop,
}: Extract<Node, { kind: 'require' }>): unknown {
  const require = requireFrom(from)
  let module: unknown
  try {
    if (hash !== undefined) checkHash(pathToFileURL(require.resolve(specifier)).href, hash)
    module = require(specifier)
  } catch (error) {
    throw missing(error, specifier, from)
  }
  return follow(interop ? shaped(module, interop) : module, path, noExport(specifier, path))
}

/** An exported variable, which its module may assign to at any time. */
export function liveNode(
  module: unknown,
  { name, specifier }: Extract<Node, { kind: 'live' }>,
): { readonly v: unknown } {
  follow(module, [name], noExport(specifier, [name]))
  return {
    get v() {
      return Reflect.get(module as object, name)
    },
  }
}

/** What every program has; a runtime of another kind or version may have less. */
export function globalNode({ path }: Extract<Node, { kind: 'global' }>): unknown {
  return follow(globalThis, path, `there is no global ${path.join('.')}`)
}

/** A module of Node itself: there without waiting. */
export function builtinNode({ id, path }: Extract<Node, { kind: 'builtin' }>): unknown {
  const module: unknown = requireFrom(import.meta.url)(id)
  if (path[0] === 'default') return follow(module, path.slice(1), noExport(id, path))
  if (path.length) return follow(module, path, noExport(id, path))
  return typeof module === 'function' ? module : { ...(module as object), default: module }
}

export function requireFrom(from: string): NodeJS.Require {
  return requireAt(from.startsWith('file:') ? from : here())
}

type Import = (specifier: string, options?: ImportCallOptions) => Promise<unknown>

/** `import()` as the module `from` would do it. */
export function importFrom(from: string): Import {
  return async (specifier, given) => {
    // Whoever imported it had to say so, and there is no other way to import it.
    const options = given ?? (/\.json$/.test(specifier) ? { with: { type: 'json' } } : undefined)
    if (/^(?:node|file|data):/.test(specifier)) return import(specifier, options)
    if (/^\.{0,2}\//.test(specifier))
      return import(resolveFile(specifier, from.startsWith('file:') ? from : here()), options)
    return importerOf(from)(specifier, options)
  }
}

export function metaOf(from: string): object {
  const require = requireFrom(from)
  const resolve = (specifier: string) => {
    if (/^\.{0,2}\//.test(specifier)) return new URL(specifier, from).href
    const found = require.resolve(specifier)
    return found.includes(':') ? found : pathToFileURL(found).href
  }
  if (!from.startsWith('file:')) return { url: from, resolve }
  const filename = fileURLToPath(from)
  return {
    url: from,
    filename,
    dirname: fileURLToPath(new URL('.', from)).replace(/(.)[/\\]$/, '$1'),
    resolve,
  }
}

const IMPORTERS_KEPT = 200
const importers = new Map<string, Import>()

/** Packages are looked up from the folder of the module: a script of that name does the import. */
function importerOf(from: string): Import {
  const known = importers.get(from)
  if (known) return known
  const make = (): Import =>
    new vm.Script('(specifier, options) => import(specifier, options)', {
      filename: from.startsWith('file:') ? from : here(),
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    }).runInThisContext() as Import
  if (importers.size === 0) quietly(() => void make()('node:vm'))
  const importer = make()
  importers.set(from, importer)
  for (const oldest of importers.keys()) {
    if (importers.size <= IMPORTERS_KEPT) break
    importers.delete(oldest)
  }
  return importer
}

/** Node calls the loader option experimental, once, on stderr: nothing that the user can do about. */
function quietly(act: () => void): void {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    act()
  } finally {
    process.emitWarning = emitWarning
  }
}

function here(): string {
  return pathToFileURL(`${process.cwd()}/evaluated`).href
}

function checkHash(url: string, hash: string | undefined): void {
  if (hash === undefined) return
  const found = fileHash(url)
  if (found === hash) return
  const path = fileURLToPath(url)
  throw new ShippingError(
    found === undefined
      ? `${path} is not there on this side, and the function that was sent needs it. Install the same program on both sides.`
      : `${path} is not the same on both sides: it was changed since the sender first sent a function of it. Restart the program, or install the same version on both sides.`,
  )
}

function follow(module: unknown, path: string[], lack: string): unknown {
  let at = module
  for (const name of path) {
    if ((typeof at !== 'object' && typeof at !== 'function') || at === null || !(name in at)) {
      throw new ShippingError(`${lack} on this side, and the function that was sent needs it.`)
    }
    at = Reflect.get(at, name)
  }
  return at
}

const noExport = (specifier: string, path: string[]): string =>
  `${specifier} has no export '${path.join('.')}'`

function shaped(module: unknown, interop: Interop): unknown {
  const isObject = (typeof module === 'object' || typeof module === 'function') && module !== null
  const isModule = isObject && '__esModule' in module && Boolean(module.__esModule)
  if (isModule && interop !== 'node') return module
  return interop === 'default' || !isObject ? { default: module } : { ...module, default: module }
}
