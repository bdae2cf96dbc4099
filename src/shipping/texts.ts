import type { Cargo, Draft } from './cargo.ts'
import { planClass } from './classes.ts'
import { originalOf } from './lines.ts'
import { rewritten } from './rewrite.ts'
import type { Slot } from './shipment.ts'

/** The texts of the functions, once it is known which variables they share. */
export function writeTexts(cargo: Cargo): void {
  const uses = new Map<string, number>()
  for (const { shared } of cargo.drafts.values())
    for (const { key } of shared) uses.set(key, (uses.get(key) ?? 0) + 1)
  const cells = new Map<string, Slot>()
  for (const draft of cargo.drafts.values()) writeText(cargo, draft, uses, cells)
}

function writeText(
  cargo: Cargo,
  { node, script, written, edits, shared, restores }: Draft,
  uses: Map<string, number>,
  cells: Map<string, Slot>,
): void {
  const all = [...edits]
  for (const { name, key, references, value, isLive } of shared) {
    if (!isLive && (uses.get(key) ?? 0) < 2) {
      node.variables.push([name, value])
      continue
    }
    const cell = isLive ? value : (cells.get(key) ?? cargo.number({ kind: 'cell', value }))
    if (!isLive) cells.set(key, cell)
    node.cells ??= []
    node.cells.push([name, cell])
    for (const { start, end, shorthand } of references) {
      all.push({ start, end, text: shorthand ? `${name}: $zp_cell_${name}.v` : `$zp_cell_${name}.v` })
    }
  }
  if (node.form === 'class') {
    all.push(...planClass(written.node, restores).edits)
    if (restores) node.restores = true
  }
  const original = originalOf(script, written)
  if (original) {
    const { file, line, column } = original
    Object.assign(node, { file, line, column })
  }
  node.source = rewritten(script, written, all, original)
}
