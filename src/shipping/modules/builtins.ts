import { builtinModules } from 'node:module'
import { home, requireAt } from '../../async/home.ts'
import { ownErrors } from '../../errors.ts'
import type { Node } from '../shipment.ts'

/** The node for a value that every JavaScript program has under the same name, or undefined. */
export function nativeNode(value: object): Node | undefined {
  const path = globals().get(value)
  if (path) return { kind: 'global', path }
  const name = own.get(value)
  return name === undefined ? undefined : { kind: 'own', name }
}

/** The node for something that a module of Node itself exports. */
export function builtinNode(value: object): Node | undefined {
  const known = builtins.get(value)
  if (known) return known
  const { moduleLoadList } = process as { moduleLoadList?: string[] }
  const count = moduleLoadList?.length ?? 1
  if (count === indexed) return undefined
  indexed = count
  for (const id of loadedBuiltins(moduleLoadList)) index(id)
  return builtins.get(value)
}

/** Of its globals, Node makes some when they are first read; the streams of a process belong to each process. */
export function lateNode(value: object): Node | undefined {
  const name = typeof value === 'function' ? value.name : className(value).toLowerCase()
  const isLate = Object.getOwnPropertyDescriptor(globalThis, name)?.get !== undefined
  if (isLate && Reflect.get(globalThis, name) === value) return { kind: 'global', path: [name] }
  const stream = 'fd' in value ? (['stdin', 'stdout', 'stderr'] as const)[Number(value.fd)] : undefined
  return stream && process[stream] === value ? { kind: 'global', path: ['process', stream] } : undefined
}

/** Does the other side have this global under the same name? */
export function isKnownGlobal(name: string): boolean {
  return atStart.has(name)
}

/** The name of an object's class. */
export function className(value: object): string {
  for (let at: unknown = value; at; at = Object.getPrototypeOf(at)) {
    const maker: unknown = Object.getOwnPropertyDescriptor(at, 'constructor')?.value
    if (typeof maker === 'function' && maker.name) return maker.name
  }
  return 'object'
}

// What an assignment has made, before zproc was loaded, is the program's own.
const ENUMERABLE = new Set(
  'global clearImmediate setImmediate clearInterval setInterval clearTimeout setTimeout queueMicrotask structuredClone atob btoa performance fetch navigator crypto'.split(
    ' ',
  ),
)
const isOfNode = (name: string): boolean =>
  ENUMERABLE.has(name) || !Object.prototype.propertyIsEnumerable.call(globalThis, name)
const atStart = new Set([
  ...Object.getOwnPropertyNames(globalThis).filter(isOfNode),
  'undefined',
  'arguments',
])
const own = new Map<unknown, string>(Object.entries(ownErrors).map(([name, value]) => [value, name]))
const load = requireAt(home)
const builtins = new Map<object, Node>()
let indexed = 0
let paths: Map<object, string[]> | undefined

function globals(): Map<object, string[]> {
  if (paths) return paths
  paths = new Map()
  for (const name of atStart) {
    // Getters are left alone: reading some of them loads parts of Node.
    const value: unknown = Object.getOwnPropertyDescriptor(globalThis, name)?.value
    if (isObject(value)) note(paths, value, [name])
  }
  note(paths, Buffer, ['Buffer'])
  note(paths, process, ['process'])
  note(paths, process.env, ['process', 'env'])
  for (const [value, path] of [...paths]) {
    if (value === globalThis || value === process.env) continue
    for (const key of Object.getOwnPropertyNames(value)) {
      const member: unknown = Object.getOwnPropertyDescriptor(value, key)?.value
      // What a process knows of itself, as its arguments, is data: only what it can do goes by name.
      if (!isObject(member) || (value === process && typeof member !== 'function')) continue
      note(paths, member, [...path, key])
      if (key !== 'prototype') continue
      for (const method of Object.getOwnPropertyNames(member)) {
        const inherited: unknown = Object.getOwnPropertyDescriptor(member, method)?.value
        if (typeof inherited === 'function') note(paths, inherited, [...path, key, method])
      }
    }
  }
  return paths
}

function index(id: string): void {
  const module: unknown = load(id)
  if (!isObject(module)) return
  if (!builtins.has(module)) builtins.set(module, { kind: 'builtin', id: `node:${id}`, path: [] })
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(module))) {
    if (isObject(value) && !builtins.has(value))
      builtins.set(value, { kind: 'builtin', id: `node:${id}`, path: [name] })
  }
}

function note(into: Map<object, string[]>, value: object, path: string[]): void {
  if (!into.has(value)) into.set(value, path)
}

export function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

/** Only what is loaded already: loading the others to look for a value would take long. */
function loadedBuiltins(moduleLoadList: string[] = []): string[] {
  const names = new Set(moduleLoadList.map(entry => entry.replace(/^NativeModule /, '')))
  return builtinModules.filter(id => !/^_|^(?:sys|punycode)$/.test(id) && (names.size === 0 || names.has(id)))
}
