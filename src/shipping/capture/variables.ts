import { isBuiltin } from 'node:module'
import { types } from 'node:util'
import type { Identifier } from 'acorn'
import { isKnownGlobal } from '../modules/builtins.ts'
import { type Imported, importedAs, nodeOfImport } from '../modules/imports.ts'
import type { Node, Slot } from '../shipment.ts'
import type { Binding, Reference } from '../source/bindings.ts'
import { type Closure, readVariable } from '../source/inspect.ts'
import { isFileSpecifier } from '../source/main-module.ts'
import type { Script } from '../source/parsed.ts'
import { WholeNeeded } from '../source/script.ts'
import { type Cargo, type Draft, part } from './cargo.ts'
import { isOwn } from './process-bound.ts'
import { isInline } from './properties.ts'
import { misuse, placeIn } from './refusal.ts'
import type { Trail } from './trail.ts'
import { isUninitialised } from './uninitialised.ts'

/** One variable that a function takes from around it. */
export function addVariable(
  cargo: Cargo,
  draft: Draft,
  name: string,
  references: Reference[],
  closure: Closure,
  about: {
    trail: Trail
    name: string
    own: Identifier | undefined
    holder: object | undefined
    /** The function around it that a name stands for only inside itself, made again from its text. */
    enclosing(binding: Binding): Slot | undefined
  },
): void {
  const { node, script, value } = draft
  const [first] = references
  if (!first || name === 'arguments') return
  if (GIVEN.has(name) && first.binding?.kind === 'param') return
  const runner = RUNNER_WORDS.find(([pattern]) => pattern.test(name))
  if (runner) {
    for (const { start, end } of references) draft.edits.push({ start, end, text: runner[1] })
    return
  }
  const scope = closure.scopes.find(variables => Object.hasOwn(variables, name))
  const binding = first.binding
  const imported = binding && importedAs(binding)
  const shown: unknown = scope && readVariable(scope, name)?.value
  const trail: Trail = { up: about.trail, name, variable: true, place: () => placeIn(script, first.start) }
  if (binding && !binding.scope.parent && !isInline(shown) && typeof shown !== 'symbol')
    trail.home = { value: shown, binding, script }
  // A context that was imported again would be another one: it is refused like any other.
  if (imported && !binding.reassigned && !isOwn(cargo, shown)) {
    const exported = isLive(imported, shown) ? imported.path[0] : undefined
    const carried = importSlot(cargo, exported === undefined ? imported : { ...imported, path: [] }, script)
    if (carried !== undefined) {
      if (exported === undefined) node.variables.push([name, carried])
      else {
        const { specifier } = imported
        const value = cargo.number({ kind: 'live', of: carried, name: exported, specifier })
        draft.shared.push({ name, references, value })
      }
      return
    }
  }
  if (!scope) {
    if (!binding && script.outline && !(name in globalThis)) throw new WholeNeeded()
    if (!isKnownGlobal(name) && name in globalThis) {
      const own: unknown = Object.getOwnPropertyDescriptor(globalThis, name)?.value
      cargo.seen.unclear()
      if (own !== undefined) node.variables.push([name, cargo.slot(own, trail, undefined)])
    } else if (binding?.kind === 'function') {
      const slot = about.enclosing(binding)
      if (slot) node.variables.push([name, slot])
      else
        throw misuse(
          cargo.options.call,
          trail,
          'is the name of a function expression around it, of which nobody else can get hold',
          `Give it a variable, \`const ${name} = function …\`, and use that.`,
        )
    } else if (binding && !isKnownGlobal(name)) {
      // The engine keeps what functions use; a computed name of a class is worked out before there are any.
      throw misuse(
        cargo.options.call,
        trail,
        'was needed only while the class was made, and is gone',
        'Write the name of the member out.',
      )
    }
    return
  }
  const read = readVariable(scope, name)
  if (!read) throw misuse(cargo.options.call, trail, 'is not initialised yet', SEND_LATER)
  const found = read.value
  const own = name === about.own?.name ? about.own : undefined
  if (own && binding?.reassigned) {
    // A function that replaces itself: inside its own name nobody could assign to it.
    draft.edits.push({ start: own.start, end: own.end, text: '' })
  } else if (own && found === value) return
  if (!binding && script.outline) {
    if (found === undefined) throw new WholeNeeded()
    cargo.hasGuessed = true
  }
  if (!binding || binding.reassigned || found === undefined)
    noteChangeable(cargo, draft, name, binding, closure, found)
  if (found === undefined && binding && isUninitialised(binding, script)) {
    throw misuse(cargo.options.call, trail, 'is not initialised yet', SEND_LATER)
  }
  if (isModule(found, imported, name, script) && !cargo.imports.has(found)) {
    const names = membersUsed(references, script)
    if (names && !usesThis(found, names, references, script)) {
      node.variables.push([name, membersOf(cargo, found, names, trail)])
      return
    }
  }
  // Functions out of one pattern were made together: `const [get, set] = stateOf(1)`.
  const slot = cargo.slot(found, trail, binding?.node ?? scope)
  if (binding?.reassigned && binding.kind !== 'import') {
    const depth = closure.scopes.indexOf(scope)
    draft.shared.push({
      name,
      references,
      value: slot,
      from: { binding, scopes: closure.scopes.slice(depth), holder: about.holder, trail },
    })
  } else node.variables.push([name, slot])
}

/** A module may assign to what it exports: then whoever imports it sees that. Functions and objects stay what they are. */
function isLive({ how, specifier, path }: Imported, value: unknown): boolean {
  return how === 'import' && path.length === 1 && !isBuiltin(specifier) && isInline(value)
}

/** Is it all that a module exports? Of that, a function needs only what it names. */
function isModule(
  value: unknown,
  imported: Imported | undefined,
  name: string,
  script: Script,
): value is object {
  if (typeof value !== 'object' || value === null) return false
  return (
    types.isModuleNamespaceObject(value) ||
    imported?.path.length === 0 ||
    (name === 'exports' && !script.isModule)
  )
}

/** The names in `module.name`, unless the module is used in another way too. */
function membersUsed(references: Reference[], { source }: Script): Set<string> | undefined {
  const names = new Set<string>()
  for (const { end, write } of references) {
    const name = /^\s*\.\s*([\p{ID_Start}$_][\p{ID_Continue}$]*)/u.exec(source.slice(end, end + 200))?.[1]
    if (name === undefined || write) return undefined
    names.add(name)
  }
  return names
}

/** Whether one of the members is called as a method, and looks at what else there is: then it needs all of the object. */
function usesThis(module: object, names: Set<string>, references: Reference[], { source }: Script): boolean {
  if (types.isModuleNamespaceObject(module)) return false
  return [...names].some(name => {
    const value: unknown = Object.getOwnPropertyDescriptor(module, name)?.value
    if (typeof value !== 'function') return false
    const text = Function.prototype.toString.call(value)
    if (!/\bthis\b/.test(text) || /^class\b/.test(text)) return false
    return references.some(({ start, end }) => {
      const called = /^\s*\.\s*([^\s.(]+)\s*\(/.exec(source.slice(end, end + 200))?.[1] === name
      return called && !/\bnew\s+$/.test(source.slice(Math.max(0, start - 20), start))
    })
  })
}

function membersOf(cargo: Cargo, module: object, names: Set<string>, trail: Trail): Slot {
  // What stands behind a getter of a module may change unseen.
  cargo.seen.unclear()
  const properties = [...names].map((name): [string, Slot] => {
    // A test runner's own name for a module says nothing to the user.
    const at: Trail = /^__vi/.test(trail.name) ? { ...trail, name } : part(trail, `.${name}`)
    let value: unknown
    try {
      value = Reflect.get(module, name)
    } catch {
      throw misuse(cargo.options.call, at, 'is not initialised yet', SEND_LATER)
    }
    return [name, cargo.slot(value, at, module)]
  })
  return cargo.number({ kind: 'object', base: 'Object', proto: null, properties })
}

const SEND_LATER = 'Send the function after the line that declares it.'

/** A module that was met as a value: which import gave it is seen in the modules looked at so far. */
export function importOf(cargo: Cargo, value: object): Node | undefined {
  for (const [script, closure] of cargo.scripts) {
    for (const variables of closure.scopes) {
      for (const name of Object.keys(variables)) {
        const isIt = readVariable(variables, name)?.value === value
        const binding = isIt ? bindingOf(script, name, variables === closure.module) : undefined
        const imported = binding && importedAs(binding)
        const slot = imported && importSlot(cargo, imported, script)
        const node = Array.isArray(slot) ? cargo.nodes[slot[0]] : undefined
        if (node) return node
      }
    }
  }
  return undefined
}

/** Of the variables of a module there is one each, whichever function shows it. */
function noteChangeable(
  cargo: Cargo,
  draft: Draft,
  name: string,
  binding: Binding | undefined,
  closure: Closure,
  value: unknown,
): void {
  const { seen } = cargo
  const shows = draft.seenBy ?? draft.value
  if (binding && !binding.scope.parent) {
    const shown = cargo.shown.get(closure.scriptId) ?? shows
    cargo.shown.set(closure.scriptId, shown)
    seen.variable(shown, name, value)
  } else seen.variable(shows, name, value)
}

function importSlot(cargo: Cargo, imported: Imported, script: Script): Slot | undefined {
  const isFile = isFileSpecifier(imported.specifier)
  const node = isFile && cargo.options.byValue ? undefined : nodeOfImport(imported, script)
  return node && cargo.number(node)
}

/** A variable of the module as a whole: what a test runner wraps a module in counts as the module. */
function bindingOf(
  { root, references, outline }: Script,
  name: string,
  isOfModule: boolean,
): Binding | undefined {
  if (outline) {
    const binding = isOfModule ? outline.imported(name) : undefined
    if (binding === 'unclear' || outline.isUnclear(name)) throw new WholeNeeded()
    return binding
  }
  if (isOfModule) return root.variables.get(name)
  return references.find(({ name: used, binding }) => used === name && binding !== undefined)?.binding
}

/** What every function gets that was sent: it may be sent again from there. */
const GIVEN = new Set(['$zp_parent', '$zp_restoring', '$zp_meta', '$zp_import'])

/** What a test runner writes for `import()` and `import.meta`. */
const RUNNER_WORDS: [RegExp, string][] = [
  [/^__vi\w*dynamic_import__$/, '$zp_import'],
  [/^__vi\w*import_meta__$/, '$zp_meta'],
]
