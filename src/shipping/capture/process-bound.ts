import { home } from '../../async/home.ts'
import type { Script } from '../source/parsed.ts'
import { scriptOf } from '../source/script.ts'
import type { Cargo } from './cargo.ts'

/** Is it one of the classes whose instances belong to the process that made them? */
export function isOwnClass(maker: { name: string }, script: Script | undefined): boolean {
  return script?.url.startsWith(HOME) === true && OWN.test(maker.name)
}

/** Is it an instance of such a class? */
export function isOwn(cargo: Cargo, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const proto: unknown = Object.getPrototypeOf(value)
  const maker: unknown =
    typeof proto === 'object' && proto && Object.getOwnPropertyDescriptor(proto, 'constructor')?.value
  if (typeof maker !== 'function' || !OWN.test(maker.name)) return false
  const closure = cargo.engine.closure(maker)
  return (
    closure !== undefined && isOwnClass(maker, scriptOf(cargo.engine, closure, maker as never, cargo.depths))
  )
}

const OWN = /^(?:Context|State|Process|StateView|Server)$/
const HOME = new URL('../', home).href
