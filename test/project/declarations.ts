import type { Node } from 'typescript/unstable/ast'
import { type Symbol as CompilerSymbol, type Project, SymbolFlags } from 'typescript/unstable/sync'

/** The declarations of a symbol as the source has them, without comments, bodies and those that are internal. */
export function* declarationsOf(
  symbol: CompilerSymbol,
  project: Project,
): Generator<{ text: string; hasBody: boolean }> {
  for (const handle of symbol.declarations) {
    const node = handle.resolve(project) as (Node & { body?: Node }) | undefined
    const file = node && project.program.getSourceFile(handle.path)
    if (!node || !file) continue
    const written = file.text.slice(node.pos, node.end)
    if (/^\s*\/\*\*[^/]*@internal/.test(written) || /^\s*(private|protected) /.test(written)) continue
    const start = node.pos + (/^(\s|\/\*[\s\S]*?\*\/|\/\/.*\n)*/.exec(written)?.[0].length ?? 0)
    const indent = start - 1 - file.text.lastIndexOf('\n', start - 1)
    const isFunction =
      node.body !== undefined &&
      (symbol.flags & (SymbolFlags.Function | SymbolFlags.Method | SymbolFlags.Constructor)) !== 0
    const text = file.text.slice(start, isFunction ? node.body?.pos : node.end)
    yield {
      text: dedent(text.replace(/^(export |declare |async |abstract )+/, '').trim(), indent),
      hasBody: isFunction,
    }
  }
}

/** `__@asyncIterator@226` → `[Symbol.asyncIterator]` */
export function shownName({ name }: CompilerSymbol): string {
  const wellKnown = /^__@(\w+)@\d+$/.exec(name)
  if (wellKnown) return `[Symbol.${wellKnown[1]}]`
  return name === '__constructor' ? 'constructor' : name
}

/** Without the indentation of the line that it begins in. */
function dedent(text: string, indent: number): string {
  return text.replaceAll(`\n${' '.repeat(indent)}`, '\n')
}
