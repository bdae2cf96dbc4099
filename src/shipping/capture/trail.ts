import type { Binding } from '../source/bindings.ts'
import type { Script } from '../source/parsed.ts'

/** The way from the function that was sent to a value: the message about the value follows it. */
export interface Trail {
  up: Trail | undefined
  /** `db`, or the step from the value before: `.db`, `[0]`. */
  name: string
  /** A variable of a function, not a part of the value before. */
  variable: boolean
  /** Found only when there is a message to write. */
  place: () => string
  /** Set for a variable of a module. */
  home?: ModuleVariable
}

/** A variable of a module with an object or a function in it. */
export interface ModuleVariable {
  value: object
  binding: Binding
  script: Script
}
