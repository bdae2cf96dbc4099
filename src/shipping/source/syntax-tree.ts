import type { AnyNode, Identifier } from 'acorn'

/** The nodes directly below a node. */
export function childrenOf(node: AnyNode): AnyNode[] {
  // Plain loops: all of a program goes through here, mostly once, before the engine has made anything fast.
  const children: AnyNode[] = []
  for (const value of Object.values(node) as unknown[]) {
    if (typeof value !== 'object' || value === null) continue
    if (Array.isArray(value)) {
      for (const item of value as unknown[]) if (isNode(item)) children.push(item)
    } else if (isNode(value)) children.push(value)
  }
  return children
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value
}

/** The names that a pattern gives values to, and the expressions in it, in order. */
export function* partsOf(
  pattern: AnyNode,
  shorthand = false,
): Generator<{ name: Identifier; shorthand: boolean } | { expression: AnyNode }> {
  switch (pattern.type) {
    case 'Identifier':
      yield { name: pattern, shorthand }
      return
    case 'ObjectPattern':
      for (const property of pattern.properties) {
        if (property.type === 'RestElement') yield* partsOf(property.argument)
        else {
          if (property.computed) yield { expression: property.key }
          yield* partsOf(property.value, property.shorthand)
        }
      }
      return
    case 'ArrayPattern':
      for (const element of pattern.elements) if (element) yield* partsOf(element)
      return
    case 'AssignmentPattern':
      yield* partsOf(pattern.left, shorthand)
      yield { expression: pattern.right }
      return
    case 'RestElement':
      yield* partsOf(pattern.argument)
      return
    default:
      // What is assigned to may be any place: `[list[0], object.key] = pair`.
      yield { expression: pattern }
  }
}
