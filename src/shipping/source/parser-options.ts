import type { Options } from 'acorn'

/** What the parser takes, in modules and parts of them. */
export const SYNTAX: Options = {
  ecmaVersion: 'latest',
  sourceType: 'module',
  allowReturnOutsideFunction: true,
  allowAwaitOutsideFunction: true,
  allowSuperOutsideMethod: true,
  allowHashBang: true,
}
