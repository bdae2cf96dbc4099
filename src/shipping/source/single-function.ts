import { type AnyNode, type Expression, type Program, parse, parseExpressionAt } from 'acorn'
import { bindingsOf } from './bindings.ts'
import type { Closure, Loaded } from './inspect.ts'
import { type Outline, outlineOf } from './outline.ts'
import type { Script } from './parsed.ts'
import { SYNTAX } from './parser-options.ts'
import { linesOf, offsetOf, placeOf, type Text } from './positions.ts'
import { BORROWS } from './rewrite.ts'

/**
 * The functions of one module as they are asked for, each parsed by itself: that takes as long as the function is large,
 * where to parse all of a large module takes hundreds of times as long. Of the rest, only imports and exports are known:
 * a variable that is not imported stays without a declaration.
 */
export class Excerpts {
  readonly #loaded: Loaded
  #whole: Text | undefined
  #outline: Outline | null | undefined
  readonly #known = new Map<number, Script | undefined>()

  constructor(loaded: Loaded) {
    this.#loaded = loaded
  }

  /** Undefined when more of the module has to be known than this function, which has this text. */
  of(fn: object, text: string, closure: Closure): Script | undefined {
    const start = this.#startOf(text, closure)
    if (start < 0) return undefined
    if (!this.#known.has(start)) this.#known.set(start, this.#read(start, text, closure))
    // A method with the name of `function` has the same text as a function without a name.
    const mayBeMethod = /^(?:async\s+)?function\s*\(/.test(text) && !Object.hasOwn(fn, 'prototype')
    return mayBeMethod ? undefined : this.#known.get(start)
  }

  /** From now on the function is not read by itself: what it uses was found to need more. */
  refuse(text: string, closure: Closure): void {
    this.#known.set(this.#startOf(text, closure), undefined)
  }

  #startOf(text: string, closure: Closure): number {
    const { source } = this.#loaded
    this.#whole ??= { lines: linesOf(source), line: 0, column: 0 }
    const offset = offsetOf(this.#whole, closure)
    const start = source.lastIndexOf(text, offset)
    return start + text.length < offset ? -1 : start
  }

  #read(start: number, text: string, closure: Closure): Script | undefined {
    const loaded = this.#loaded
    const whole = this.#whole
    // Evaluated code may begin anywhere in its file.
    if (!whole || !closure.module || loaded.line > 0 || loaded.column > 0) return undefined
    if (this.#outline === undefined) this.#outline = outlineOf(loaded.source) ?? null
    const outline = this.#outline
    if (!outline || BORROWS.test(text)) return undefined
    const program = programOf(text)
    const node = program && only(program)
    if (!program || !node) return undefined
    const { root, references } = bindingsOf(program)
    const [own] = root.variables.values()
    // Its name may be given to another function.
    if (own && scopeOf(closure, own.name) && references.some(({ binding }) => binding === own))
      return undefined
    for (const reference of references) {
      if (reference.binding) continue
      // Who else uses what it assigns to?
      if (reference.write) return undefined
      const { name } = reference
      if (outline.isUnclear(name)) return undefined
      if (scopeOf(closure, name) !== closure.module) continue
      const imported = outline.imported(name)
      if (imported === 'unclear') return undefined
      reference.binding = imported
    }
    const form = node.type === 'ArrowFunctionExpression' ? 'arrow' : 'function'
    return {
      url: loaded.url,
      source: text,
      isModule: true,
      ...placeOf(whole, start),
      loaded,
      program,
      root,
      references,
      functions: [{ node, start: 0, end: text.length, form, within: [] }],
      lines: linesOf(text),
      outline,
    }
  }
}

function scopeOf({ scopes }: Closure, name: string): Closure['module'] {
  return scopes.find(variables => Object.hasOwn(variables, name))
}

function programOf(text: string): Program | undefined {
  try {
    // A function with a name is taken for a declaration: if it is none, its name is its own all the same.
    if (/^(?:async\s+)?function\b\s*\*?\s*[^\s*(]/.test(text)) return parse(text, SYNTAX)
    if (/^async\s*\//.test(text)) return undefined
    const expression: Expression = parseExpressionAt(text, 0, SYNTAX)
    const { start, end } = expression
    const statement = { type: 'ExpressionStatement', start, end, expression } as const
    return { type: 'Program', start, end, body: [statement], sourceType: 'module' }
  } catch {
    return undefined
  }
}

/** The function that is all of it. */
function only({ body, end }: Program): AnyNode | undefined {
  const [statement] = body
  const node = statement?.type === 'ExpressionStatement' ? statement.expression : statement
  return node?.end === end && body.length === 1 && FUNCTIONS.has(node.type) ? node : undefined
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'])
