import vm from 'node:vm'
import type { AnyFunction, Code } from '../shipment.ts'

/** A function made of its text, and the way to give it the variables that it takes from around it. */
export interface Compiled {
  value: AnyFunction
  bind(values: unknown[]): void
}

/** What the text refers to besides its own variables. */
export interface Given {
  parent: unknown
  restoring: { on: boolean; anything: unknown[] }
  meta: unknown
  load: (specifier: string, options?: ImportCallOptions) => Promise<unknown>
  cells: { v: unknown }[]
  /** Values that are there already: a class looks at some of its variables while it is made. */
  early: unknown[]
  /** Called by the checks that `guarded` has put in. */
  guard?: { left: number; look(): void } & Pick<typeof globalThis, (typeof GIVEN)[number]>
}

/** Errors keep the file and the line where the function was written. */
export function compile(code: Code, source: string, given: Given): Compiled {
  const { parent, restoring, meta, load, cells, early, guard } = given
  const make = maker(code, source, guard !== undefined)
  const [made, bind] = make(parent, restoring, meta, load, guard, early, ...cells) as [
    unknown,
    Compiled['bind'],
  ]
  return { value: pick(code, made), bind }
}

type Make = (...given: unknown[]) => unknown

const MAKERS_KEPT = 500
const makers = new Map<string, Make>()

/** The text as a function of its surroundings: the same text is compiled once. */
function maker(code: Code, source: string, isGuarded: boolean): Make {
  const key = `${isGuarded}:${code.from}:${code.file}:${code.line}:${code.column}:${code.strict}:${code.variables.map(([name]) => name)}:${source}`
  const known = makers.get(key)
  if (known) {
    makers.delete(key)
    makers.set(key, known)
    return known
  }
  const before = prefix(code, isGuarded ? GIVEN.filter(name => new RegExp(`\\b${name}\\b`).test(source)) : [])
  const script = new vm.Script(
    `${before}${wrap(code, source)}\n, $zp_values => { [${names(code)}] = $zp_values }] } })`,
    {
      filename: code.file === undefined ? code.from : unmapped(code.file),
      lineOffset: code.line,
      columnOffset: code.column - before.length,
    },
  )
  const made = script.runInThisContext() as Make
  makers.set(key, made)
  for (const oldest of makers.keys()) {
    if (makers.size <= MAKERS_KEPT) break
    makers.delete(oldest)
  }
  return made
}

/** The text is on the lines of that file: under the very name of the file, Node would apply its map once more. */
function unmapped(file: string): string {
  return file.replace(/^(file:.*\/)(?=[^/]*$)/, '$1./')
}

const OPENING = { function: '(', arrow: '(', class: '(', method: '({ ', accessor: '({ ' } as const

/** What a guarded function gets in place of the globals of these names. */
const GIVEN = ['structuredClone', 'queueMicrotask'] as const

function prefix(code: Code, replaced: string[]): string {
  const cells = (code.cells ?? []).map(([name]) => `, $zp_cell_${name}`).join('')
  const given = replaced.length > 0 ? `const { ${replaced.join(', ')} } = $zp_guard; { ` : '{ '
  const variables = code.variables.length ? `let [${names(code)}] = $zp_early; ` : ''
  return (
    `(function ($zp_parent, $zp_restoring, $zp_meta, $zp_import, $zp_guard, $zp_early${cells}) { ` +
    `${code.strict ? "'use strict'; " : ''}${given}${variables}return [${OPENING[code.form]}`
  )
}

function wrap(code: Code, source: string): string {
  return `${source}\n${code.form === 'method' || code.form === 'accessor' ? '})' : ')'}`
}

function names(code: Code): string {
  return code.variables.map(([name]) => name).join(', ')
}

/** A method and an accessor are written inside an object: take them out. */
function pick(code: Code, made: unknown): AnyFunction {
  if (typeof made === 'function') return made
  for (const described of Object.values(Object.getOwnPropertyDescriptors(made as object))) {
    const found: unknown = described.get ?? described.set ?? described.value
    if (typeof found === 'function') return found
  }
  for (const key of Object.getOwnPropertySymbols(made)) {
    const described = Object.getOwnPropertyDescriptor(made, key)
    const found: unknown = described?.get ?? described?.set ?? described?.value
    if (typeof found === 'function') return found
  }
  throw new TypeError(`${code.name} is not a function`)
}
