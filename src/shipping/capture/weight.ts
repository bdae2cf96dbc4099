import { types } from 'node:util'
import { ShippingError } from '../../errors.ts'
import type { Node, Property, Slot } from '../shipment.ts'

/** Warns of much captured data, and refuses too much, naming the variable that brings the most. */
export function checkWeight(nodes: Node[], call: string): void {
  const total = nodes.reduce((sum, node) => sum + weightOf(node), 0)
  if (total <= WARNED) return
  const [name, weight] = heaviest(nodes)
  const what = `${call}: the function brings ${megabytes(total)} of captured data along, most of it in \`${name}\` (${megabytes(weight)})`
  const advice = 'Keep large data in a file or in the state, and read it inside the function.'
  if (total > REFUSED) {
    throw new ShippingError(`${what}, and more than ${megabytes(REFUSED)} are not sent. ${advice}`)
  }
  process.emitWarning(`${what}. ${advice}`, { code: 'ZPROC_LARGE_CAPTURE' })
}

const WARNED = 10 * 2 ** 20
const REFUSED = 100 * 2 ** 20

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MB`
}

/** Roughly the bytes of a node itself. */
function weightOf(node: Node): number {
  switch (node.kind) {
    case 'leaf':
      if (ArrayBuffer.isView(node.value) || types.isAnyArrayBuffer(node.value)) return node.value.byteLength
      if (!Array.isArray(node.value)) return 16
      return node.value.reduce<number>(
        (sum, item) => sum + slotWeight(typeof item === 'string' ? item : 0),
        0,
      )
    case 'object':
      return 8 + slotsOf(node).reduce<number>((sum, slot) => sum + slotWeight(slot), 0)
    case 'function':
      return node.source.length + slotsOf(node).reduce<number>((sum, slot) => sum + slotWeight(slot), 0)
    default:
      return 16
  }
}

function slotWeight(slot: Slot): number {
  if (typeof slot === 'string') return slot.length + 2
  return typeof slot === 'bigint' ? 16 : 5
}

function slotsOf(node: Node): Slot[] {
  if (node.kind === 'cell') return [node.value]
  if (node.kind === 'view') return [node.buffer]
  if (node.kind === 'wrapper' || node.kind === 'prototype' || node.kind === 'live') return [node.of]
  if (node.kind === 'object') {
    const hidden = (node.privates ?? []).flatMap(([, values]) => values.map(([, value]) => value))
    return [...(node.entries ?? []), ...node.properties.flatMap(partsOf), ...hidden, node.proto]
  }
  if (node.kind !== 'function') return []
  const { variables, cells = [], statics = [], properties, parent } = node
  const named = [...variables, ...cells, ...statics].map(([, value]) => value)
  return [...named, ...properties.flatMap(partsOf), parent, node.prototype]
}

/** The slots of a property: without its attributes. */
function partsOf(property: Property): Slot[] {
  if (property.length === 4) return [property[0], property[1], property[2]]
  return [property[0], property[1]]
}

function heaviest(nodes: Node[]): [name: string, weight: number] {
  let most: [string, number] = ['', -1]
  for (const node of nodes) {
    if (node.kind !== 'function') continue
    for (const [name, slot] of [...node.variables, ...(node.cells ?? [])]) {
      // What other functions bring is counted with them.
      const weight = slotWeight(slot) + reach(nodes, slot)
      if (weight > most[1]) most = [name, weight]
    }
  }
  return most
}

/** The weight of all that hangs on a slot, functions apart. */
function reach(nodes: Node[], from: Slot): number {
  const met = new Set<number>()
  const waiting: Slot[] = [from]
  let weight = 0
  while (waiting.length > 0) {
    const slot = waiting.pop()
    if (!Array.isArray(slot) || met.has(slot[0])) continue
    met.add(slot[0])
    const node = nodes[slot[0]]
    if (!node || node.kind === 'function') continue
    weight += weightOf(node)
    for (const inner of slotsOf(node)) if (Array.isArray(inner)) waiting.push(inner)
  }
  return weight
}
