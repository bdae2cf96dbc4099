import { types } from 'node:util'
import { describe, quote } from './describe.ts'
import { isDetached } from './value-kinds.ts'

/** Where in an object: a key; the number of an element; in a Map, keys and values are counted together. */
export type Part = string | number

/** The way from an object to what it holds, as one would write it. */
export function step(value: object, part: Part): string {
  if (value instanceof Set && typeof part === 'number') return ` (element ${part})`
  if (value instanceof Map && typeof part === 'number') {
    const n = part >> 1
    if (part % 2 === 0) return ` (key ${n})`
    const key = [...value.keys()][n]
    return key instanceof Object ? ` (value ${n})` : `.get(${describe(key)})`
  }
  if (typeof part === 'number' || (Array.isArray(value) && /^\d+$/.test(part))) return `[${part}]`
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(part) ? `.${part}` : `[${quote(part)}]`
}

/** What a value is that is no data, where its class does not say why. */
export function describeRefused(value: object): string {
  const buffer = ArrayBuffer.isView(value) ? value.buffer : value
  if (types.isSharedArrayBuffer(buffer)) return 'memory shared between threads (SharedArrayBuffer)'
  if (types.isArrayBuffer(buffer) && isDetached(buffer)) return 'a detached ArrayBuffer'
  return describe(value)
}
