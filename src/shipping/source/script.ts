import { pathToFileURL } from 'node:url'
import type { AnyNode, Identifier } from 'acorn'
import type { AnyFunction } from '../shipment.ts'
import type { Reference } from './bindings.ts'
import type { Closure, Engine, Loaded } from './inspect.ts'
import { parsed, type Script, type Written } from './parsed.ts'
import { offsetOf } from './positions.ts'
import { loadedWith } from './script-text.ts'
import { Excerpts } from './single-function.ts'

/** For each script, whether all of it has to be looked at: each is either read whole or in parts, not both. */
export type Depths = Map<string, 'parts' | 'whole'>

/**
 * What a closure was written in, or undefined when its text cannot be read or parsed. It is the function alone where that
 * is enough to know, which is noted in `depths`; without these it is the whole script.
 */
export function scriptOf(
  engine: Engine,
  closure: Closure,
  fn: AnyFunction,
  depths?: Depths,
): Script | undefined {
  const { scriptId } = closure
  const kept = recall(scriptId) ?? load(engine, closure, fn)
  if (!kept) return undefined
  const depth = depths?.get(scriptId)
  const part = depths && depth !== 'whole' && kept.excerpts.of(fn, textOf(fn), closure)
  if (!part && depth === 'parts') throw new WholeNeeded()
  depths?.set(scriptId, part ? 'parts' : 'whole')
  if (part) return part
  if (kept.whole === undefined) kept.whole = read(kept.loaded) ?? null
  return kept.whole ?? undefined
}

/** The next time, a capture that begins with this function looks at all of the script at once. */
export function preferWhole(closure: Closure, fn: AnyFunction): void {
  scripts.get(closure.scriptId)?.excerpts.refuse(textOf(fn), closure)
}

/** More has to be known of a script than the functions that were looked at: the capture begins anew, with all of it. */
export class WholeNeeded extends Error {}

/** The place in the script where the function was written. */
export function writtenIn(script: Script, closure: Closure, text: string): Written | undefined {
  const from = offsetOf(script, closure)
  let best: Written | undefined
  for (const written of script.functions) {
    if (written.start > from || written.end < from) continue
    if (written.end - written.start !== text.length || !script.source.startsWith(text, written.start))
      continue
    if (!best || written.start >= best.start) best = written
  }
  return best
}

/** The names that a stretch of source takes from outside itself. */
export function freeNames(script: Script, start: number, end: number): Map<string, Reference[]> {
  const names = new Map<string, Reference[]>()
  for (const reference of script.references) {
    if (reference.start < start || reference.end > end) continue
    const scope = reference.binding?.scope
    if (scope && scope.start >= start && scope.end <= end) continue
    const known = names.get(reference.name)
    if (known) known.push(reference)
    else names.set(reference.name, [reference])
  }
  return names
}

/** The name that a function gives itself. */
export function idOf(node: AnyNode): Identifier | undefined {
  return 'id' in node && node.id?.type === 'Identifier' ? node.id : undefined
}

export function isStrict(script: Script, { node, within }: Written): boolean {
  if (script.isModule) return true
  for (const at of [node, ...within]) {
    if (at.type === 'ClassDeclaration' || at.type === 'ClassExpression') return true
    if ('body' in at && isBody(at.body) && hasDirective(at.body.body)) return true
  }
  return hasDirective(script.program.body)
}

/** One per module, kept for the next function that comes from it. */
interface Kept {
  loaded: Loaded
  excerpts: Excerpts
  /** Once it was asked for; null when it cannot be parsed. */
  whole?: Script | null
}

const SCRIPTS_KEPT = 200
const scripts = new Map<string, Kept>()

function recall(scriptId: string): Kept | undefined {
  const kept = scripts.get(scriptId)
  if (!kept) return undefined
  scripts.delete(scriptId)
  scripts.set(scriptId, kept)
  return kept
}

function load(engine: Engine, closure: Closure, fn: AnyFunction): Kept | undefined {
  const found = loadedWith(engine, closure, fn, urls())
  if (!found) return undefined
  const { url } = found
  const loaded = { ...found, url: /^(?:\/|[a-z]:\\)/i.test(url) ? pathToFileURL(url).href : url }
  // Node's own modules are only recognised, never sent.
  if (url.startsWith('node:')) loaded.source = ''
  const kept: Kept = { loaded, excerpts: new Excerpts(loaded) }
  scripts.set(closure.scriptId, kept)
  for (const oldest of scripts.keys()) {
    if (scripts.size <= SCRIPTS_KEPT) break
    scripts.delete(oldest)
  }
  return kept
}

function* urls(): Generator<string> {
  for (const { loaded } of scripts.values()) yield loaded.url
}

function read(loaded: Loaded): Script | undefined {
  const found = parsed(loaded.source, loaded.isModule)
  return found && { ...found, ...loaded, loaded }
}

const textOf = (fn: AnyFunction): string => Function.prototype.toString.call(fn)

function isBody(body: unknown): body is { body: unknown[] } {
  return typeof body === 'object' && body !== null && 'body' in body && Array.isArray(body.body)
}

function hasDirective(statements: unknown[]): boolean {
  return statements.some(
    statement =>
      typeof statement === 'object' &&
      statement !== null &&
      'directive' in statement &&
      statement.directive === 'use strict',
  )
}
