import type { AnyNode } from 'acorn'
import type { ShippingError } from '../../errors.ts'
import type { Slot } from '../shipment.ts'
import type { Binding, Block } from '../source/bindings.ts'
import { readVariable } from '../source/inspect.ts'
import type { Script, Written } from '../source/parsed.ts'
import { childrenOf } from '../source/syntax-tree.ts'
import type { Cargo, Draft, Shared } from './cargo.ts'
import { misuse } from './refusal.ts'
import type { Trail } from './trail.ts'

/** The variables that several of the functions share, while one of them assigns to it: each gets a place of its own. */
export function cellsOf(cargo: Cargo): Map<Shared, Slot> {
  const cells = new Map<Shared, Slot>()
  for (const uses of usesByDeclaration(cargo)) {
    // While nobody there assigns to it, a copy for each does as well.
    if (uses.length < 2 || !uses.some(({ shared }) => shared.references.some(({ write }) => write))) continue
    for (const run of runsOf(cargo, uses)) {
      const [first] = run
      if (!first || run.length < 2) continue
      const cell = cargo.number({ kind: 'cell', value: first.shared.value })
      for (const { shared } of run) cells.set(shared, cell)
    }
  }
  return cells
}

/** A variable as one function uses it. */
interface Use {
  draft: Draft
  shared: Shared
  from: NonNullable<Shared['from']>
}

function usesByDeclaration(cargo: Cargo): Iterable<Use[]> {
  const uses = new Map<string, Use[]>()
  for (const draft of cargo.drafts.values()) {
    for (const shared of draft.shared) {
      const { name, from } = shared
      if (!from) continue
      const place = `${draft.script.url}:${from.binding.scope.start}:${name}`
      const all = uses.get(place) ?? []
      uses.set(place, all)
      all.push({ draft, shared, from })
    }
  }
  return uses.values()
}

/** Code around a function runs many times, each time with variables of its own: which uses belong to the same run? */
function runsOf(cargo: Cargo, uses: Use[]): Set<Use[]> {
  const runs = new Map(uses.map(use => [use, [use]]))
  const runOf = (use: Use) => runs.get(use) ?? []
  const merge = (one: Use[], other: Use[]) => {
    if (one === other) return
    one.push(...other)
    for (const use of other) runs.set(use, one)
  }
  const unclear: [Use, Use][] = []
  for (const [at, one] of uses.entries()) {
    for (let beside = at + 1; beside < uses.length; beside++) {
      const other = uses[beside]
      if (!other) continue
      const verdict = isSameRun(one, other)
      if (verdict) merge(runOf(one), runOf(other))
      else if (verdict === undefined) unclear.push([one, other])
    }
  }
  for (const [one, other] of unclear) {
    const [here, there] = [runOf(one), runOf(other)]
    if (here === there || here.some(use => there.some(near => isSameRun(use, near) === false))) continue
    if (rootOf(one) !== rootOf(other)) throw cannotTell(cargo, other)
    merge(here, there)
  }
  return new Set(runs.values())
}

function cannotTell(cargo: Cargo, { from, shared }: Use): ShippingError {
  return misuse(
    cargo.options.call,
    from.trail,
    `may be the \`${shared.name}\` of another function in it or one of its own, which cannot be told`,
    'Send the functions that share it in one object, or keep it in an object that they share.',
  )
}

/** The variable that the function was found in, at whatever depth. */
function rootOf({ from }: Use): Trail | undefined {
  let at = from.trail.up
  while (at && !at.variable) at = at.up
  return at
}

/** The engine shows the values of a scope, but not which scope it is. Undefined: it may be either way. */
function isSameRun(one: Use, other: Use): boolean | undefined {
  const { binding, scopes, holder } = one.from
  if (!binding.scope.parent) return true
  if (one.draft.written === other.draft.written && isMadeOnce(one.draft, binding.scope)) return false
  if (!scopes.every((scope, depth) => isEqual(scope, other.from.scopes[depth]))) return false
  if (hasWitness(binding.scope, scopes[0] ?? {}, one.draft.script)) return true
  const isBeside = holder !== undefined && holder === other.from.holder
  return isBeside || holder === other.draft.value || other.from.holder === one.draft.value || undefined
}

function isEqual(scope: Record<string, unknown>, other: Record<string, unknown> = {}): boolean {
  const names = Object.keys(scope)
  if (names.length !== Object.keys(other).length) return false
  return names.every(name => Object.is(readVariable(scope, name)?.value, readVariable(other, name)?.value))
}

/** Is there a value that each run makes anew? */
function hasWitness({ variables }: Block, scope: Record<string, unknown>, script: Script): boolean {
  for (const [name, beside] of variables) {
    const value = Object.hasOwn(scope, name) ? readVariable(scope, name)?.value : undefined
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) continue
    if (isMadeBy(beside, value, script)) return true
  }
  return false
}

function isMadeBy({ node, reassigned }: Binding, value: object, { functions, source }: Script): boolean {
  const init = node.type === 'VariableDeclarator' ? node.init : undefined
  if (!reassigned && init && /^(?:Object|Array|New|Function|ArrowFunction|Class)Expression$/.test(init.type))
    return true
  if (typeof value !== 'function') return false
  const text = Function.prototype.toString.call(value)
  return functions.some(
    ({ start, end }) => start >= node.start && end <= node.end && source.slice(start, end) === text,
  )
}

/** Does a run of the scope come to the function only once: is it in no loop and no other function there? */
function isMadeOnce({ written, script }: Draft, scope: Block): boolean {
  let inScopes = madeOnce.get(written)
  if (!inScopes) {
    inScopes = new Map()
    madeOnce.set(written, inScopes)
  }
  let verdict = inScopes.get(scope)
  if (verdict === undefined) {
    verdict = isStraight(written, script, scope)
    inScopes.set(scope, verdict)
  }
  return verdict
}

const madeOnce = new WeakMap<Written, Map<Block, boolean>>()

function isStraight(written: Written, script: Script, { start, end }: Block): boolean {
  let at: AnyNode | undefined = script.program
  while (at && at !== written.node) {
    const isWithin = at.start >= start && at.end <= end && (at.start > start || at.end < end)
    if (isWithin && /^(?:For|While|DoWhile|Function|ArrowFunction|Class)/.test(at.type)) return false
    at = childrenOf(at).find(child => child.start <= written.node.start && child.end >= written.node.end)
  }
  return true
}
