import { pathToFileURL } from 'node:url'
import type { AnyNode, Identifier } from 'acorn'
import type { Reference } from './bindings.ts'
import type { Closure, Engine, Loaded } from './inspect.ts'
import { type Parsed, parsed, type Written } from './parsed.ts'
import type { AnyFunction } from './shipment.ts'
import { loadedWith } from './source.ts'

/** A loaded script, parsed: one per module, kept for the next function that comes from it. */
export interface Script extends Parsed {
  /** As a URL where it came from a file. */
  url: string
  source: string
  isModule: boolean
  line: number
  column: number
}

/** The script of a closure, or undefined when its text cannot be read or parsed. */
export function scriptOf(engine: Engine, closure: Closure, fn: AnyFunction): Script | undefined {
  const known = scripts.get(closure.scriptId)
  if (known) {
    scripts.delete(closure.scriptId)
    scripts.set(closure.scriptId, known)
    return known
  }
  const loaded = loadedWith(engine, closure, fn, urls())
  if (!loaded) return undefined
  const script = read(loaded)
  if (!script) return undefined
  scripts.set(closure.scriptId, script)
  for (const oldest of scripts.keys()) {
    if (scripts.size <= SCRIPTS_KEPT) break
    scripts.delete(oldest)
  }
  return script
}

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

/** Line and column, from 0, in the script's file. */
export function placeOf(script: Script, offset: number): { line: number; column: number } {
  const { lines } = script
  let line = 0
  for (let end = lines.length; end - line > 1; ) {
    const middle = (line + end) >> 1
    if ((lines[middle] ?? 0) <= offset) line = middle
    else end = middle
  }
  const column = offset - (lines[line] ?? 0)
  return { line: line + script.line, column: line === 0 ? column + script.column : column }
}

/** The other way round. */
export function offsetOf(script: Script, place: { line: number; column: number }): number {
  const line = place.line - script.line
  return (script.lines[line] ?? 0) + place.column - (line === 0 ? script.column : 0)
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

const SCRIPTS_KEPT = 200
const scripts = new Map<string, Script>()

function* urls(): Generator<string> {
  for (const { url } of scripts.values()) yield url
}

function read({ url, source, isModule, line, column }: Loaded): Script | undefined {
  // Node's own modules are only recognised, never sent.
  const found = parsed(url.startsWith('node:') ? '' : source, isModule)
  const file = /^(?:\/|[a-z]:\\)/i.test(url) ? pathToFileURL(url).href : url
  return found && { ...found, url: file, source, isModule, line, column }
}

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
