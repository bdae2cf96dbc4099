/** A place for a value: the value itself when it is a primitive, else the number of its node. */
export type Slot = string | number | bigint | boolean | null | undefined | [node: number]

/** `[key, value]`, with attributes `[key, value, bits]`, an accessor `[key, get, set, bits]`. */
export type Property = [Slot, Slot] | [Slot, Slot, number] | [Slot, Slot, Slot, number]

/** What travels: a table of nodes that refer to each other by number; the first is what was sent. */
export interface Shipment {
  nodes: Node[]
  /** The program's own modules, never to be imported: they would run it again. */
  entries: string[]
}

export type Node =
  | { kind: 'leaf'; value: unknown }
  | { kind: 'view'; type: string; buffer: Slot; offset: number; length: number; proto?: Slot }
  | ({ kind: 'object'; base: Base; proto?: Slot; entries?: Slot[]; privates?: Restored[] } & Own)
  | ({ kind: 'function'; proto?: Slot; prototype?: Slot } & Code & Own)
  | { kind: 'prototype'; of: Slot }
  | { kind: 'cell'; value: Slot }
  | { kind: 'live'; of: Slot; name: string; specifier: string }
  | { kind: 'import'; from: string; specifier: string; path: string[]; hash?: string }
  | { kind: 'require'; from: string; specifier: string; path: string[]; hash?: string; interop?: Interop }
  | { kind: 'requirer'; from: string }
  | { kind: 'global'; path: string[] }
  | { kind: 'builtin'; id: string; path: string[] }
  | { kind: 'own'; name: string }
  | { kind: 'new'; name: 'URL' | 'URLSearchParams' | 'TextEncoder' | 'TextDecoder'; argument: string }
  | { kind: 'symbol'; description: string | undefined; registered: boolean }
  | { kind: 'wrapper'; name: 'atomic'; of: Slot }
  | { kind: 'sink' }

/** What a compiler put around a `require`, to make it look like an import. */
export type Interop = 'default' | 'star' | 'node'

/** Which engine-made object lies beneath. */
export type Base =
  | 'Object'
  | 'Array'
  | 'Map'
  | 'Set'
  | 'Error'
  | 'WeakMap'
  | 'WeakSet'
  | 'Date'
  | 'RegExp'
  | 'Number'
  | 'String'
  | 'Boolean'
  | 'BigInt'
  | 'Symbol'

/** Private fields of an object, by the class that declares them. */
export type Restored = [of: Slot, values: [name: string, value: Slot][]]

export interface Own {
  properties: Property[]
  /** 1: not extensible, 2: sealed, 3: frozen. */
  closed?: number
}

export interface Code {
  form: 'function' | 'arrow' | 'class' | 'method' | 'accessor'
  source: string
  name: string
  strict: boolean
  /** The module that wrote it: what its relative imports start from. */
  from: string
  /** The file of its author, when `from` was compiled from another text. */
  file?: string
  line: number
  column: number
  variables: [name: string, value: Slot][]
  /** Variables that are shared with other functions and assigned to: `$zp_cell_name` holds them. */
  cells?: [name: string, cell: Slot][]
  /** Class only. */
  parent?: Slot
  /** Class only: values of its static private fields. */
  statics?: [name: string, value: Slot][]
  /** Class only: it carries a `$zp_restore` for instances with private fields. */
  restores?: boolean
}

/** A function or class that nothing is known of. */
// biome-ignore lint/complexity/noBannedTypes: classes are meant too, which no call signature describes
export type AnyFunction = Function
