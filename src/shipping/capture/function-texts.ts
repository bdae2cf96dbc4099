import type { Slot } from '../shipment.ts'
import { originalOf } from '../source/original-lines.ts'
import { rewritten } from '../source/rewrite.ts'
import type { Cargo, Draft, Shared } from './cargo.ts'
import { planClass } from './classes.ts'
import { cellsOf } from './shared-variables.ts'

/** The texts of the functions, once it is known which variables they share. */
export function writeTexts(cargo: Cargo): void {
  const cells = cellsOf(cargo)
  for (const draft of cargo.drafts.values()) writeText(draft, cells)
}

function writeText(
  { node, script, written, edits, shared, restores }: Draft,
  cells: Map<Shared, Slot>,
): void {
  const all = [...edits]
  for (const each of shared) {
    const { name, references, value, from } = each
    const cell = from ? cells.get(each) : value
    if (cell === undefined) {
      node.variables.push([name, value])
      continue
    }
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
  // In one order, whoever else uses them and however much of the script was looked at.
  node.variables.sort(([one], [other]) => (one < other ? -1 : 1))
  node.source = rewritten(script, written, all, original)
}
