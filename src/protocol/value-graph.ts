// A value that is no tree, as a table of nodes: each object, and each primitive that msgpack would not keep exactly,
// is a node [tag, ...]. What a node holds is a cell: a primitive as it is, or [number of a node]. Node 0 is the value.
// Bytes stand behind the table, one part after the other, in the order of the nodes that they belong to.

export const Tag = {
  /** [tag, primitive] */
  inline: 0,
  negativeZero: 1,
  /** [tag, hexadecimal digits] */
  bigint: 2,
  /** [tag, the string as JSON]: one with surrogates out of place, which UTF-8 cannot say */
  string: 3,
  /** [tag, key, cell, key, cell, …] */
  object: 4,
  bare: 5,
  /** [tag, cell, cell, …] */
  array: 6,
  /** [tag, length, key, cell, key, cell, …]: an array with holes, or with properties that are no elements */
  sparse: 7,
  /** [tag, cell of a key, cell of its value, …] */
  map: 8,
  /** [tag, cell, …] */
  set: 9,
  /** [tag, milliseconds] */
  date: 10,
  /** [tag, the source as JSON, flags, lastIndex] */
  regexp: 11,
  /** [tag, class, nearest known class, [key, cell, …] not enumerable, key, cell, …] */
  error: 12,
  /** [tag, length] */
  bytes: 13,
  buffer: 14,
  /** [tag, length, class] */
  view: 15,
} as const

export type Primitive = null | undefined | boolean | number | string
export type Cell = Primitive | [node: number]
export type Node = (Cell | Cell[])[]

export interface Graph {
  table: Node[]
  bytes: Uint8Array[]
}
