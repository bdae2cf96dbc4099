import { pathToFileURL } from 'node:url'
import { type AnyNode, type Identifier, type Program, parse } from 'acorn'
import { type Bindings, bindingsOf, type Reference } from './bindings.ts'
import type { Closure, Engine, Loaded } from './inspect.ts'
import type { AnyFunction } from './shipment.ts'
import { loadedWith } from './source.ts'
import { childrenOf } from './tree.ts'

/** A loaded script, parsed: one per module, kept for the next function that comes from it. */
export interface Script extends Bindings {
  /** As a URL where it came from a file. */
  url: string
  source: string
  isModule: boolean
  program: Program
  functions: Written[]
  /** The offsets at which its lines begin. */
  lines: number[]
  line: number
  column: number
}

/** A function as it stands in its script. */
export interface Written {
  node: AnyNode
  /** The text that `toString` gives: of a method, with its name; of a static one, without `static`. */
  start: number
  end: number
  form: 'function' | 'arrow' | 'class' | 'method' | 'accessor'
  /** The functions and classes around it, innermost first. */
  within: AnyNode[]
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
  let program: Program
  try {
    // Node's own modules are only recognised, never sent.
    program = parse(url.startsWith('node:') ? '' : source, {
      ecmaVersion: 'latest',
      sourceType: isModule ? 'module' : 'script',
      allowReturnOutsideFunction: true,
      allowAwaitOutsideFunction: true,
      allowSuperOutsideMethod: true,
      allowHashBang: true,
    })
  } catch {
    return undefined
  }
  const { root, references } = bindingsOf(program)
  const functions: Written[] = []
  collect(program, source, [], functions)
  const file = /^(?:\/|[a-z]:\\)/i.test(url) ? pathToFileURL(url).href : url
  const lines = [0]
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) lines.push(at + 1)
  return { url: file, source, isModule, program, root, references, functions, lines, line, column }
}

function collect(node: AnyNode, source: string, within: AnyNode[], into: Written[]): void {
  const written = writtenAs(node, source, within)
  if (written) into.push(written)
  const inner = isFunctionOrClass(node) ? [node, ...within] : within
  for (const child of childrenOf(node)) collect(child, source, inner, into)
}

function isFunctionOrClass(node: AnyNode): boolean {
  return /^(?:Class|Function|ArrowFunction)/.test(node.type)
}

function writtenAs(node: AnyNode, source: string, within: AnyNode[]): Written | undefined {
  const { start, end } = node
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'FunctionExpression':
      // The part of a method behind its name is no function of its own.
      if (source[start] === '(') return undefined
      return { node, start, end, form: 'function', within }
    case 'ArrowFunctionExpression':
      return { node, start, end, form: 'arrow', within }
    case 'ClassDeclaration':
    case 'ClassExpression':
      return { node, start, end, form: 'class', within }
    case 'Property':
      if (node.kind !== 'init') return { node: node.value, start, end, form: 'accessor', within }
      return node.method ? { node: node.value, start, end, form: 'method', within } : undefined
    case 'MethodDefinition': {
      if (node.kind === 'constructor') return undefined
      const skipped = node.static ? /^static\s*/.exec(source.slice(start, end))?.[0].length : 0
      const form = node.kind === 'method' ? 'method' : 'accessor'
      return { node: node.value, start: start + (skipped ?? 0), end, form, within }
    }
    default:
      return undefined
  }
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
