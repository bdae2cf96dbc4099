import { Session } from 'node:inspector'
import { otherRuntime } from '../../async/runtime.ts'
import { ShippingError } from '../../errors.ts'

/** What the engine knows of one function: where it was written, and the variables around it. */
export interface Closure {
  scriptId: string
  /** Counted from 0. */
  line: number
  column: number
  /** The variables of the module that it was written in, if it is one. */
  module: Record<string, unknown> | undefined
  /** Innermost first; the global scope is left out. */
  scopes: Record<string, unknown>[]
}

export interface Loaded {
  url: string
  source: string
  isModule: boolean
  /** Where the text begins in the file that it names (code that was evaluated, not loaded). */
  line: number
  column: number
}

/** Undefined when it is not initialised yet: reading it then throws since Node 22, and gave `undefined` before. */
export function readVariable(scope: Record<string, unknown>, name: string): { value: unknown } | undefined {
  try {
    return { value: scope[name] }
  } catch {
    return undefined
  }
}

/**
 * Runs `look` with an open line to the engine's inspector, and closes it again. No debugger is
 * attached meanwhile, except for the moment in which the text of a module is asked for.
 */
export function inspecting<T>(look: (engine: Engine) => T): T {
  const engine = new Engine()
  try {
    return look(engine)
  } finally {
    engine.close()
  }
}

export class Engine {
  #session: Session | undefined

  closure(fn: object): Closure | undefined {
    const id = this.#idOf(fn)
    const { internalProperties = [] } = this.#ask<Properties>('Runtime.getProperties', {
      objectId: id,
      ownProperties: true,
    })
    const location = internalProperties.find(({ name }) => name === '[[FunctionLocation]]')?.value?.value
    const chain = internalProperties.find(({ name }) => name === '[[Scopes]]')?.value?.objectId
    if (!location || !chain) {
      return undefined
    }
    const scopes = this.#hold<{ description: string; object: Record<string, unknown> }[]>(chain)
    // The list comes without a prototype.
    const list = Array.from(scopes)
    return {
      module: list.find(({ description }) => description === 'Module')?.object,
      scriptId: location.scriptId,
      line: location.lineNumber,
      column: location.columnNumber,
      scopes: list.filter(({ description }) => description !== 'Global').map(({ object }) => object),
    }
  }

  /** The private members of an object: `#name` and value, the base class's first. */
  privates(object: object): [name: string, value: unknown][] {
    const { privateProperties = [] } = this.#ask<Properties>('Runtime.getProperties', {
      objectId: this.#idOf(object),
      ownProperties: true,
    })
    const values: [string, unknown][] = []
    for (const { name, value } of privateProperties) {
      if (value) values.push([name, value.objectId ? this.#hold(value.objectId) : primitive(value)])
    }
    return values
  }

  /** What is in a WeakMap or WeakSet at the moment. */
  entries(weak: object): { key?: unknown; value: unknown }[] {
    const { internalProperties = [] } = this.#ask<Properties>('Runtime.getProperties', {
      objectId: this.#idOf(weak),
      ownProperties: true,
    })
    const id = internalProperties.find(({ name }) => name === '[[Entries]]')?.value?.objectId
    const entries = id ? Array.from(this.#hold<{ key?: unknown; value: unknown }[]>(id)) : []
    return entries
  }

  /** The text of the script that a function was written in. */
  script(scriptId: string): Loaded | undefined {
    const session = this.#open()
    let loaded: Loaded | undefined
    const seen = ({ params }: { params: ScriptParsed }) => {
      if (params.scriptId !== scriptId) return
      const { url, isModule = false, startLine: line, startColumn: column } = params
      loaded = { url, source: '', isModule, line, column }
    }
    session.on('Debugger.scriptParsed', seen)
    try {
      this.#ask('Debugger.enable')
      if (loaded) {
        loaded.source = this.#ask<{ scriptSource: string }>('Debugger.getScriptSource', {
          scriptId,
        }).scriptSource
      }
      return loaded
    } finally {
      this.#ask('Debugger.disable')
      session.off('Debugger.scriptParsed', seen)
    }
  }

  /** Closing lets go of all that was asked for. */
  close(): void {
    this.#session?.disconnect()
    this.#session = undefined
  }

  #open(): Session {
    if (!this.#session) {
      const session = new Session()
      try {
        session.connect()
      } catch (cause) {
        throw denied(cause)
      }
      this.#session = session
    }
    return this.#session
  }

  #ask<R>(method: string, params: object = {}): R {
    let answer: unknown
    let failure: Error | null = null
    let hasAnswered = false
    this.#open().post(method, params, (error, result) => {
      failure = error
      answer = result
      hasAnswered = true
    })
    if (!hasAnswered) throw unanswered()
    if (failure) throw new Error(`${method}: ${JSON.stringify(failure)}`)
    // The inspector protocol is untyped at this point: each caller names the answer of its method.
    return answer as R
  }

  #idOf(object: object): string {
    hatch().value = object
    let id = this.#inHatch()
    if (id === undefined) {
      // A test runner may run each file in a context of its own, with other globals.
      for (contextId of this.#contexts()) {
        id = this.#inHatch()
        if (id !== undefined) break
      }
    }
    hatch().value = undefined
    if (id === undefined) throw new Error('the inspector does not see the globals of this module')
    return id
  }

  #inHatch(): string | undefined {
    const expression = `${HATCH}?.value`
    const asked = { expression, silent: true, ...(contextId === undefined ? {} : { contextId }) }
    return this.#ask<{ result: { objectId?: string } }>('Runtime.evaluate', asked).result.objectId
  }

  #contexts(): number[] {
    const session = this.#open()
    const ids: number[] = []
    const seen = ({ params }: { params: { context: { id: number } } }) => ids.push(params.context.id)
    session.on('Runtime.executionContextCreated', seen)
    this.#ask('Runtime.enable')
    this.#ask('Runtime.disable')
    session.off('Runtime.executionContextCreated', seen)
    return ids
  }

  #hold<T>(objectId: string): T {
    this.#ask('Runtime.callFunctionOn', {
      objectId,
      functionDeclaration: `function () { ${HATCH}.value = this }`,
      silent: true,
    })
    const held = hatch().value
    hatch().value = undefined
    // The engine hands over what the id stood for.
    return held as T
  }
}

/** What is said where the engine may not be asked for the variables of a function. */
function denied(cause: unknown): unknown {
  if ((cause as NodeJS.ErrnoException).code !== 'ERR_ACCESS_DENIED') return cause
  const allow = process.allowedNodeEnvironmentFlags.has('--allow-inspector')
  const flag = allow ? 'Start Node with --allow-inspector as well' : 'Use a Node that has --allow-inspector'
  return new ShippingError(
    `functions cannot be sent under --permission: their variables are read through Node's inspector. ${flag}, or give ` +
      "a module: `ctx.process(new URL('./target.js', import.meta.url))`, whose default export is run.",
    { cause },
  )
}

/** Bun and Deno have the class, and no answers. */
function unanswered(): ShippingError {
  return new ShippingError(
    `functions cannot be sent from ${otherRuntime ?? 'this runtime'}: their variables are read through Node's inspector. Send them from a program ` +
      'that Node runs; State, watching and views work here.',
  )
}

interface Properties {
  privateProperties?: { name: string; value?: Remote }[]
  internalProperties?: { name: string; value?: Remote & { value?: Location } }[]
}
interface Remote {
  objectId?: string
  value?: unknown
  unserializableValue?: string
}
interface Location {
  scriptId: string
  lineNumber: number
  columnNumber: number
}
interface ScriptParsed {
  scriptId: string
  url: string
  startLine: number
  startColumn: number
  isModule?: boolean
}

/** Where this module runs, when that is not the main context. */
let contextId: number | undefined

/** The one place that both this module and an evaluated expression can reach. */
const HATCH = "globalThis[Symbol.for('zproc.hatch')]"
const hatchKey = Symbol.for('zproc.hatch')

function hatch(): { value: unknown } {
  const all = globalThis as { [hatchKey]?: { value: unknown } }
  if (!all[hatchKey]) {
    Object.defineProperty(globalThis, hatchKey, { value: { value: undefined }, configurable: true })
  }
  return all[hatchKey] ?? { value: undefined }
}

function primitive({ value, unserializableValue }: Remote): unknown {
  if (unserializableValue === undefined) return value
  if (unserializableValue.endsWith('n')) return BigInt(unserializableValue.slice(0, -1))
  return Number(unserializableValue)
}
