import { readFileSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import vm from 'node:vm'
import { home } from '../../async/home.ts'
import { statOf } from '../../async/stat.ts'
import type { AnyFunction } from '../shipment.ts'
import { callSites } from './call-stack.ts'
import type { Closure, Engine, Loaded } from './inspect.ts'
import { importsOf } from './module-graph.ts'
import { compiledFrom } from './source-map.ts'

/**
 * The text of the script that a function was written in, and its name. The debugger knows both, but has all scripts
 * of the program announced to it first, which takes tens of milliseconds: it is asked only when there is no other way.
 */
export function loadedWith(
  engine: Engine,
  closure: Closure,
  fn: AnyFunction,
  known: Iterable<string>,
): Loaded | undefined {
  const source = sourceAround(fn)
  const isModule = closure.module !== undefined
  const url = source && (compiledFrom(source) ?? fileOf(source, isModule, known) ?? ownName(source))
  return url ? { url, source, isModule, line: 0, column: 0 } : engine.script(closure.scriptId)
}

/**
 * V8 tells it to functions for its own tests, which may be named only in code that is compiled while a flag is set. There
 * is no plainer way: the text of what a loader compiled is in no file. The flag is set for this one line, is the same for
 * all threads, and means nothing to any other code; the same holds on Node 20, 22 and 24, in threads and under --inspect.
 */
function sourceAround(fn: AnyFunction): string | undefined {
  if (process.execArgv.some(flag => FROZEN.test(flag))) return undefined
  // The user may have set the flag: then it stays.
  const isSet = process.execArgv.includes(FLAG)
  try {
    if (!isSet) setFlagsFromString(FLAG)
    // Made anew each time: V8 might compile a kept one again when the flag is off.
    const ask = new vm.Script('(fn => %FunctionGetScriptSource(fn))').runInThisContext() as (
      fn: AnyFunction,
    ) => unknown
    const source = ask(fn)
    return typeof source === 'string' ? source : undefined
  } catch {
    // Another engine, or a later one.
    return undefined
  } finally {
    if (!isSet) setFlagsFromString(FLAG.replace('--', '--no-'))
  }
}

const FLAG = '--allow-natives-syntax'
/** Then the engine ends the process rather than let a flag be set. */
const FROZEN = /^--freeze[-_]flags/

/** Text that was evaluated may say itself what it is. */
function ownName(source: string): string | undefined {
  return /\n\/\/# sourceURL=(\S+)\s*$/.exec(source.slice(-500))?.[1]
}

/** A file with just this text: of a module that is running, of the program, or next to a module seen before. */
function fileOf(source: string, isModule: boolean, known: Iterable<string>): string | undefined {
  for (const url of candidates(known)) {
    if (/\.[cm]?js$/.test(url) && isText(url, source)) return isModule ? url : fileURLToPath(url)
  }
  return undefined
}

function* candidates(known: Iterable<string>): Generator<string> {
  const names = new Set(callSites().map(site => site.getFileName() ?? ''))
  const running = Array.from(names, name => (isAbsolute(name) ? pathToFileURL(name).href : name))
  const ours = running.filter(url => url.startsWith(HOME))
  for (const url of running) if (url.startsWith('file:') && !ours.includes(url)) yield url
  const main = process.argv[1]
  if (main !== undefined && isAbsolute(main)) yield pathToFileURL(main).href
  for (const url of known) yield* importsOf(url)
  // Those that are asking are always running, and seldom asked for.
  yield* ours
}

function isText(url: string, source: string): boolean {
  try {
    const file = new URL(url)
    // Most are ruled out by their size; a mark of the byte order is no part of the text.
    const more = Number(statOf(file)?.size) - Buffer.byteLength(source)
    return (more === 0 || more === 3) && readFileSync(file, 'utf8').replace(/^\uFEFF/, '') === source
  } catch {
    return false
  }
}

const HOME = new URL('../', home).href
