import type { Binding } from '../source/bindings.ts'
import { callSites } from '../source/call-stack.ts'
import type { Script } from '../source/parsed.ts'
import { offsetOf } from '../source/positions.ts'

/**
 * Is an `undefined` a variable whose declaration has not run yet? The engine shows both alike. For
 * some declarations `undefined` cannot be the value; for the others the stack tells whether the
 * code that declares the variable is running now, and has not come to the declaration.
 */
export function isUninitialised({ kind, node, scope }: Binding, script: Script): boolean {
  if (kind === 'class') return true
  if ((kind !== 'const' && kind !== 'let') || node.type !== 'VariableDeclarator' || !node.init) return false
  if (DEFINED.test(node.init.type)) return true
  const home = functionAround(script, node.start)
  return offsetsOnStack(script).some(
    offset => offset < node.start && offset >= scope.start && functionAround(script, offset) === home,
  )
}

/** Expressions that never give undefined. */
const DEFINED =
  /^(?:Literal|TemplateLiteral|ObjectExpression|ArrayExpression|ArrowFunctionExpression|FunctionExpression|ClassExpression|NewExpression|BinaryExpression)$/

/** Where in the script calls are waiting to return. */
function offsetsOnStack(script: Script): number[] {
  return callSites()
    .filter(site => {
      const name = site.getFileName()
      return name ? name === script.url || script.url.endsWith(name) : false
    })
    .map(site =>
      offsetOf(script, { line: (site.getLineNumber() ?? 1) - 1, column: (site.getColumnNumber() ?? 1) - 1 }),
    )
}

function functionAround(script: Script, offset: number): unknown {
  let best: Script['functions'][number] | undefined
  for (const written of script.functions) {
    if (written.form === 'class' || written.start > offset || written.end <= offset) continue
    if (!best || written.start >= best.start) best = written
  }
  return best
}
