import type { AnyNode, Program } from 'acorn'
import { childrenOf, partsOf } from './syntax-tree.ts'

/** Where a variable is declared, and what the program does with it. */
export interface Binding {
  name: string
  kind: 'import' | 'const' | 'let' | 'var' | 'function' | 'class' | 'param' | 'catch'
  /** The declaring node: a declarator, an import specifier, a function, a class, a parameter. */
  node: AnyNode
  /** The import declaration around an import specifier. */
  from: string | undefined
  /** Assigned anywhere but in its own declaration. */
  reassigned: boolean
  scope: Block
}

/** A stretch of source with variables of its own. */
export interface Block {
  start: number
  end: number
  parent: Block | undefined
  variables: Map<string, Binding>
  /** Variables declared with `var` land in the nearest function. */
  isFunction: boolean
}

/** One use of a name. */
export interface Reference {
  name: string
  start: number
  end: number
  write: boolean
  /** `{ name }`: replacing the name has to spell out the key. */
  shorthand: boolean
  binding: Binding | undefined
}

export interface Bindings {
  root: Block
  /** In the order of the source. */
  references: Reference[]
}

/** Resolves every name of a program to its declaration. */
export function bindingsOf(program: Program): Bindings {
  const root: Block = block(program, undefined, true)
  const found: { reference: Reference; scope: Block }[] = []
  const refer = (id: AnyNode & { name: string }, scope: Block, write: boolean, shorthand: boolean) => {
    const { name, start, end } = id
    found.push({ reference: { name, start, end, write, shorthand, binding: undefined }, scope })
  }

  function declare(
    pattern: AnyNode,
    kind: Binding['kind'],
    node: AnyNode,
    scope: Block,
    from?: string,
  ): void {
    let owner = scope
    while (kind === 'var' && !owner.isFunction && owner.parent) owner = owner.parent
    for (const part of partsOf(pattern)) {
      if (!('name' in part)) {
        visit(part.expression, scope)
        continue
      }
      const { name } = part.name
      const known = owner.variables.get(name)
      // `var` twice, or a parameter of the same name: one variable, written in two places.
      if (known) known.reassigned = true
      else owner.variables.set(name, { name, kind, node, from, reassigned: false, scope: owner })
    }
  }

  function assign(target: AnyNode, scope: Block): void {
    for (const part of partsOf(target)) {
      if ('name' in part) refer(part.name, scope, true, part.shorthand)
      else visit(part.expression, scope)
    }
  }

  function hoist(statements: AnyNode[], scope: Block): void {
    for (const statement of statements) {
      const node =
        (statement.type === 'ExportNamedDeclaration' || statement.type === 'ExportDefaultDeclaration') &&
        statement.declaration
          ? statement.declaration
          : statement
      if (node.type === 'FunctionDeclaration' && node.id) declare(node.id, 'function', node, scope)
      if (node.type === 'ClassDeclaration' && node.id) declare(node.id, 'class', node, scope)
      if (node.type === 'ImportDeclaration') {
        for (const specifier of node.specifiers) {
          declare(specifier.local, 'import', specifier, scope, String(node.source.value))
        }
      }
    }
  }

  function visitFunction(node: AnyNode, scope: Block): void {
    if (
      node.type !== 'FunctionDeclaration' &&
      node.type !== 'FunctionExpression' &&
      node.type !== 'ArrowFunctionExpression'
    )
      return
    const own = block(node, scope, true)
    if (node.type === 'FunctionExpression' && node.id) declare(node.id, 'function', node, own)
    for (const parameter of node.params) declare(parameter, 'param', parameter, own)
    if (node.body.type === 'BlockStatement') {
      hoist(node.body.body, own)
      for (const statement of node.body.body) visit(statement, own)
    } else visit(node.body, own)
  }

  function visit(node: AnyNode, scope: Block): void {
    switch (node.type) {
      case 'Identifier':
        refer(node, scope, false, false)
        return
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
      case 'MetaProperty':
      case 'BreakStatement':
      case 'ContinueStatement':
        return
      case 'ExportNamedDeclaration':
        if (node.declaration) visit(node.declaration, scope)
        return
      case 'LabeledStatement':
        visit(node.body, scope)
        return
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        visitFunction(node, scope)
        return
      case 'ClassDeclaration':
      case 'ClassExpression': {
        const own = block(node, scope, false)
        if (node.id) declare(node.id, 'class', node, own)
        if (node.superClass) visit(node.superClass, own)
        for (const member of node.body.body) visit(member, own)
        return
      }
      case 'MethodDefinition':
      case 'PropertyDefinition':
        if (node.computed) visit(node.key, scope)
        if (node.value) visit(node.value, scope)
        return
      case 'Property':
        if (node.computed) visit(node.key, scope)
        if (node.shorthand && node.value.type === 'Identifier') refer(node.value, scope, false, true)
        else visit(node.value, scope)
        return
      case 'MemberExpression':
        visit(node.object, scope)
        if (node.computed) visit(node.property, scope)
        return
      case 'VariableDeclaration':
        for (const declarator of node.declarations) {
          const kind = node.kind === 'var' || node.kind === 'let' ? node.kind : 'const'
          declare(declarator.id, kind, declarator, scope)
          if (declarator.init) visit(declarator.init, scope)
        }
        return
      case 'AssignmentExpression':
        assign(node.left, scope)
        visit(node.right, scope)
        return
      case 'UpdateExpression':
        assign(node.argument, scope)
        return
      case 'StaticBlock':
      case 'BlockStatement': {
        const own = block(node, scope, node.type === 'StaticBlock')
        hoist(node.body, own)
        for (const statement of node.body) visit(statement, own)
        return
      }
      case 'SwitchStatement': {
        visit(node.discriminant, scope)
        const own = block(node, scope, false)
        for (const branch of node.cases) hoist(branch.consequent, own)
        for (const branch of node.cases) visit(branch, own)
        return
      }
      case 'ForStatement':
      case 'ForInStatement':
      case 'ForOfStatement': {
        const own = block(node, scope, false)
        if (node.type === 'ForStatement') {
          if (node.init) visit(node.init, own)
          if (node.test) visit(node.test, own)
          if (node.update) visit(node.update, own)
        } else {
          if (node.left.type === 'VariableDeclaration') visit(node.left, own)
          else assign(node.left, own)
          visit(node.right, own)
        }
        visit(node.body, own)
        return
      }
      case 'CatchClause': {
        const own = block(node, scope, false)
        if (node.param) declare(node.param, 'catch', node, own)
        visit(node.body, own)
        return
      }
      default:
        for (const child of childrenOf(node)) visit(child, scope)
    }
  }

  hoist(program.body, root)
  for (const statement of program.body) visit(statement, root)
  return { root, references: resolve(found) }
}

function block(node: AnyNode, parent: Block | undefined, isFunction: boolean): Block {
  return { start: node.start, end: node.end, parent, variables: new Map(), isFunction }
}

function resolve(found: { reference: Reference; scope: Block }[]): Reference[] {
  for (const { reference, scope } of found) {
    let at: Block | undefined = scope
    while (at && !at.variables.has(reference.name)) at = at.parent
    reference.binding = at?.variables.get(reference.name)
    if (reference.write && reference.binding) reference.binding.reassigned = true
  }
  return found.map(({ reference }) => reference).sort((a, b) => a.start - b.start)
}
