import type { ParseArgsConfig } from 'node:util'
import { State } from '../client/state.ts'
import type { AnyState } from '../client/types.ts'
import { namedAddress } from '../context/join.ts'
import { checkHome, engineOf } from '../engines/engines.ts'
import { keyFrom, noMore, parse, wholeNumber, wrong } from './parse.ts'
import { onSignals } from './signals.ts'

type Options = NonNullable<ParseArgsConfig['options']>

/** What a command is about. */
export interface Target {
  address: string
  secretKey: string | undefined
  namespace: string
}

export interface Asked {
  /** The positional arguments behind the address. */
  rest: string[]
  values: { [option: string]: string | boolean | undefined }
  isJson: boolean
}

/** Reads a command line. `help` is printed where it is asked for, and nothing is given. */
export function asked(command: string, args: string[], options: Options, help: string): Asked | undefined {
  const { values, positionals } = parse(command, args, options)
  const given = values as Asked['values']
  if (given.help) {
    console.log(help)
    return undefined
  }
  return { rest: positionals, values: given, isJson: given.json === true }
}

/** Takes the first positional argument as an address: one with a scheme, or the name of a server as of `Context.join`. */
export function targetOf(command: string, { rest, values }: Asked): Target {
  const given = rest.shift()
  if (given === undefined) throw wrong(command, 'the address, or the name, of a server is missing')
  return addressed(command, given, values)
}

/** What the options say of a server whose address, or name, is given. */
export function addressed(command: string, given: string, values: Asked['values']): Target {
  const file = textOf(values['key-file'])
  // Redis has keys of its own, in its address: the environment's is for servers of zproc.
  const secretKey = file === undefined && engineOf(given) ? undefined : keyFrom(command, file)
  const namespace = textOf(values.namespace) ?? 'default'
  if (namespace === '') throw wrong(command, '--namespace must not be empty')
  try {
    const named = () => namedAddress(given, { project: values.project === true }, 'the address')
    const address = given.includes('://') ? checkHome(given, secretKey, 'the address') : named()
    return { address, secretKey, namespace }
  } catch (error) {
    throw wrong(command, (error as Error).message)
  }
}

/** The value of an option that takes one. */
export const textOf = (value: string | boolean | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined

/** The value of an option that takes a number, 1 or more. */
export function numberOf<D>(command: string, { values }: Asked, name: string, otherwise: D): number | D {
  const text = textOf(values[name])
  return text === undefined ? otherwise : wholeNumber(command, name, text, 1)
}

/** Ends the command as one that has nothing more to do: it would go on until then. */
export const endAtSignals = (): void => onSignals(() => process.exit(0))

/** What a command about a state does once its command line is right. Gives the exit code. */
export type Act = (state: State<AnyState>, target: Target) => Promise<number>

/** A command about a state. `read` takes what it needs of the positional arguments behind the address, and of the options. */
export const aboutState =
  (command: string, options: Options, help: string, read: (given: Asked) => Act) =>
  async (args: string[]): Promise<number> => {
    const given = asked(command, args, options, help)
    if (!given) return 0
    const target = targetOf(command, given)
    const act = read(given)
    noMore(command, given.rest)
    return withState(target, act)
  }

async function withState(target: Target, act: Act): Promise<number> {
  const { address, secretKey, namespace } = target
  const state = new State<AnyState>(address, { secretKey, namespace }, { name: 'zproc' })
  try {
    return await act(state, target)
  } finally {
    await state.close()
  }
}

/** What changes a state, or ends a server, is to be meant. */
export function mustWrite(command: string, { values }: Asked): void {
  if (values.write !== true) throw wrong(command, 'this changes something: say --write as well')
}
