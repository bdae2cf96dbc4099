import { Refused } from './gate.ts'
import type { PathStep } from './messages.ts'

/** What the page asks with, read field by field: a request is anybody's until its token is checked, and the page's mistakes are told. */
export class Asked {
  readonly #fields: Record<string, unknown>

  constructor(body: unknown) {
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw new Refused(400, 'the body must be an object of JSON')
    this.#fields = body as Record<string, unknown>
  }

  text(name: string): string {
    const value = this.#fields[name]
    if (typeof value !== 'string') throw new Refused(400, `${name} must be a text`)
    return value
  }

  textOrNull(name: string): string | null {
    return this.#fields[name] === null ? null : this.text(name)
  }

  /** A whole number within limits. */
  whole(name: string, least = 0, most = Number.MAX_SAFE_INTEGER): number {
    const value = this.#fields[name]
    if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most)
      throw new Refused(400, `${name} must be a whole number from ${least} to ${most}`)
    return value as number
  }

  wholeOrNull(name: string, least = 0): number | null {
    return this.#fields[name] === null ? null : this.whole(name, least)
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T {
    const value = this.#fields[name]
    if (!values.includes(value as T)) throw new Refused(400, `${name} must be one of ${values.join(', ')}`)
    return value as T
  }

  /** What is open of a tree: at most `most` parts. */
  open(name: string, most: number): { key: string; path: PathStep[] }[] {
    const list = this.#fields[name]
    if (!Array.isArray(list) || list.length > most)
      throw new Refused(400, `${name} must be a list of at most ${most}`)
    return list.map((one: unknown) => {
      const { key, path } = (one ?? {}) as { key?: unknown; path?: unknown }
      if (typeof key !== 'string' || !Array.isArray(path) || !path.every(isStep))
        throw new Refused(400, `${name} must be a list of keys and paths`)
      return { key, path }
    })
  }
}

const isStep = (step: unknown): step is PathStep => typeof step === 'string' || Number.isSafeInteger(step)
