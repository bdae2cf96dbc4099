import { type AnyNode, type Program, parse } from 'acorn'
import { type Bindings, bindingsOf } from './bindings.ts'
import type { Loaded } from './inspect.ts'
import type { Outline } from './outline.ts'
import { SYNTAX } from './parser-options.ts'
import { linesOf } from './positions.ts'
import { childrenOf } from './syntax-tree.ts'

/** The text of a script, parsed. */
export interface Parsed extends Bindings {
  program: Program
  functions: Written[]
  /** The offsets at which its lines begin. */
  lines: number[]
}

/** A loaded script, or the part of one that is a single function, parsed. */
export interface Script extends Parsed, Loaded {
  /** The script as it was loaded, all of it. */
  loaded: Loaded
  /** Of a part, and only there: what is known of the rest. */
  outline?: Outline
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

/** Undefined when it is no JavaScript that the parser knows. */
export function parsed(source: string, isModule: boolean): Parsed | undefined {
  let program: Program
  try {
    program = parse(withoutMap(source), { ...SYNTAX, sourceType: isModule ? 'module' : 'script' })
  } catch {
    return undefined
  }
  const functions: Written[] = []
  collect(program, source, [], functions)
  return { program, ...bindingsOf(program), functions, lines: linesOf(source) }
}

/** The parser looks at each character of the map that a compiler leaves at the end, often more than the code before it. */
function withoutMap(source: string): string {
  const at = source.lastIndexOf(MAP)
  return at >= 0 && BARE.test(source.slice(at + MAP.length)) ? source.slice(0, at) : source
}

const MAP = '\n//# sourceMappingURL='
/** Not the end of some text that is written in the code. */
const BARE = /^[^\s'"`*]*\s*$/

function collect(node: AnyNode, source: string, within: AnyNode[], into: Written[]): void {
  const written = writtenAs(node, source, within)
  if (written) into.push(written)
  const inner = isFunctionOrClass(node) ? [node, ...within] : within
  for (const child of childrenOf(node)) collect(child, source, inner, into)
}

function isFunctionOrClass({ type }: AnyNode): boolean {
  return type.startsWith('Class') ? type !== 'ClassBody' : type.includes('Function')
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
