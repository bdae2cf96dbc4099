import type { AnyNode } from 'acorn'
import type { Mark, Original } from './original-lines.ts'
import type { Script, Written } from './parsed.ts'
import { childrenOf } from './syntax-tree.ts'

/** A replacement of a stretch of source. */
export interface Edit {
  start: number
  end: number
  text: string
}

/** What a function's own text takes from around it besides variables. */
export interface Surroundings {
  /** `this`, `super`, `new.target`, `arguments` of the function or class around it. */
  borrowed: { word: string; start: number } | undefined
  /** A direct `eval`, which may name any variable. */
  evaluates: { start: number } | undefined
  /** Private names of a class around it. */
  privateName: { word: string; start: number } | undefined
  /** `import.meta` and `import()` are replaced: the text is evaluated outside a module. */
  edits: Edit[]
  usesImport: boolean
  usesMeta: boolean
}

/** The text of a function with the edits applied, and on the lines of its author where these are known. */
export function rewritten(
  { source }: Script,
  { start, end }: { start: number; end: number },
  edits: Edit[],
  original?: Original,
): string {
  let text = ''
  let at = start
  let line = original?.line ?? 0
  const add = (part: string) => {
    text += part
    if (original) line += part.split('\n').length - 1
  }
  const steps: (Edit | Mark)[] = [...(original?.marks ?? []), ...edits]
  // The sort is stable: a line breaks before what is put in at the same place.
  for (const step of steps.sort((a, b) => a.start - b.start || endOf(a) - endOf(b))) {
    if (step.start < at) continue
    add(source.slice(at, step.start))
    at = endOf(step)
    if ('text' in step) add(step.text)
    else if (step.line > line) add('\n'.repeat(step.line - line) + ' '.repeat(step.column))
  }
  return text + source.slice(at, end)
}

function endOf(step: Edit | Mark): number {
  return 'end' in step ? step.end : step.start
}

export function surroundingsOf(written: Written, source: string): Surroundings {
  const found: Surroundings = {
    borrowed: undefined,
    evaluates: undefined,
    privateName: undefined,
    edits: [],
    usesImport: false,
    usesMeta: false,
  }
  const borrow = (word: string, start: number) => {
    found.borrowed ??= { word, start }
  }

  /** `own`: inside a function with a `this` of its own; `home`: inside a class or object of its own. */
  function visit(node: AnyNode, own: boolean, home: boolean, privates: Set<string>): void {
    switch (node.type) {
      case 'ThisExpression':
        if (!own) borrow('this', node.start)
        return
      case 'Super':
        if (!home) borrow('super', node.start)
        return
      case 'Identifier':
        if (node.name === 'arguments' && !own) borrow('arguments', node.start)
        return
      case 'CallExpression':
        if (node.callee.type === 'Identifier' && node.callee.name === 'eval')
          found.evaluates ??= { start: node.start }
        break
      case 'PrivateIdentifier':
        if (!privates.has(node.name)) found.privateName ??= { word: `#${node.name}`, start: node.start }
        return
      case 'MetaProperty':
        if (node.meta.name === 'new') {
          if (!own) borrow('new.target', node.start)
        } else {
          found.usesMeta = true
          found.edits.push({ start: node.start, end: node.end, text: '$zp_meta' })
        }
        return
      case 'ImportExpression':
        found.usesImport = true
        found.edits.push({ start: node.start, end: node.start + 'import'.length, text: '$zp_import' })
        break
      case 'FunctionDeclaration':
      case 'FunctionExpression':
        for (const child of childrenOf(node)) visit(child, true, home, privates)
        return
      case 'ClassDeclaration':
      case 'ClassExpression': {
        if (node.superClass) visit(node.superClass, own, home, privates)
        const named = new Set(privates)
        for (const member of node.body.body) {
          if ('key' in member && member.key.type === 'PrivateIdentifier') named.add(member.key.name)
        }
        for (const member of node.body.body) {
          if ('key' in member && member.computed) visit(member.key, own, home, named)
          if (member.type === 'StaticBlock') for (const inner of member.body) visit(inner, true, true, named)
          else if (member.value) visit(member.value, true, true, named)
        }
        return
      }
      case 'Property':
        if (node.computed) visit(node.key, own, home, privates)
        visit(node.value, own, home || node.method || node.kind !== 'init', privates)
        return
      case 'MemberExpression':
        visit(node.object, own, home, privates)
        if (node.computed || node.property.type === 'PrivateIdentifier')
          visit(node.property, own, home, privates)
        return
    }
    for (const child of childrenOf(node)) visit(child, own, home, privates)
  }

  const { node, form } = written
  // Nothing to find in most functions: look before walking.
  if (!BORROWS.test(source)) return found
  visit(node, form !== 'arrow' && form !== 'class', false, new Set())
  return found
}

/** A text without any of these takes nothing from around it but variables. */
export const BORROWS = /\b(?:this|super|arguments|import|eval|new\s*\.\s*target)\b|#/
