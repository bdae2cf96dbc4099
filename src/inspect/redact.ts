import type { OutputLine } from '../protocol/description.ts'
import { fromWire, Packed, type Wire } from '../protocol/values.ts'
import { readOnly } from './wire.ts'

/** Stands for a value that is not to be shown. */
export const REDACTED = Symbol('redacted')

/**
 * Gives what may be shown of the value of `key`: the value itself, another in its place, or undefined for nothing of it. It is
 * given a copy, which it may change. Where it throws, or gives what cannot be copied (a promise, a function), nothing is shown.
 */
export type RedactFunction = (key: string, value: unknown, namespace: string) => unknown

/** Gives what may be shown of a line that the process `name` has printed; undefined, or where it throws: nothing of it. */
export type RedactOutputFunction = (line: string, name: string) => unknown

export interface Redaction {
  /** Keys, `*` and `?` standing for any text and any character, whose values are not shown. */
  keys?: readonly string[]
  redact?: RedactFunction
  /** Without it no output is shown where anything is redacted. */
  redactOutput?: RedactOutputFunction
}

/** Decides what of a value leaves this process. */
export class Redactor {
  readonly #patterns: RegExp[]
  readonly #redact: RedactFunction | undefined
  // By value, and then by key: one value may be at several keys.
  readonly #made = new WeakMap<Packed, Map<string, unknown>>()

  readonly #redactOutput: RedactOutputFunction | undefined

  constructor({ keys = [], redact, redactOutput }: Redaction) {
    this.#redactOutput = redactOutput
    this.#patterns = keys.map(pattern)
    this.#redact = redact
  }

  get redacts(): boolean {
    return this.#patterns.length > 0 || this.#redact !== undefined
  }

  /** Whether lines that processes have printed are shown: they may have any value in them. */
  get showsOutput(): boolean {
    return this.#redactOutput !== undefined || !this.redacts
  }

  /** What is shown of such a line; undefined: nothing. */
  line(line: OutputLine, name: string): OutputLine | undefined {
    if (!this.#redactOutput) return line
    try {
      const text = this.#redactOutput(line.text, name)
      return typeof text === 'string' ? { ...line, text } : undefined
    } catch {
      return undefined
    }
  }

  /** Whether nothing of a value at `key` is shown, whatever it is. */
  hides(key: string): boolean {
    return this.#patterns.some(one => one.test(key))
  }

  /** Whether all values at `key` are shown as they are. */
  isOpen(key: string): boolean {
    return this.#redact === undefined && !this.hides(key)
  }

  /** What is shown of a value: for reading at once, it may be part of the state. */
  shown(key: string, wire: Wire, namespace: string): unknown {
    if (this.hides(key)) return REDACTED
    if (!this.#redact) return readOnly(wire)
    if (!(wire instanceof Packed)) return this.#ask(key, wire, namespace)
    const at = `${namespace}\n${key}`
    const known = this.#made.get(wire) ?? new Map<string, unknown>()
    this.#made.set(wire, known)
    if (!known.has(at)) known.set(at, this.#ask(key, wire, namespace))
    return known.get(at)
  }

  #ask(key: string, wire: Wire, namespace: string): unknown {
    try {
      const shown = this.#redact?.(key, fromWire(wire), namespace)
      if (shown === undefined && wire !== undefined) return REDACTED
      // Nothing of the function runs later, where an error would end the inspector.
      if (shown instanceof Promise) shown.catch(() => {})
      return structuredClone(shown)
    } catch {
      return REDACTED
    }
  }
}

function pattern(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.')
  return new RegExp(`^${source}$`, 'su')
}
