import { readFileSync } from 'node:fs'
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { Misuse } from './misuse.ts'

type Options = NonNullable<ParseArgsConfig['options']>

/** The arguments of a command, which may be several words. */
export function parse<const O extends Options>(
  command: string,
  args: string[],
  options: O,
): ReturnType<typeof parseArgs<{ args: string[]; options: O; allowPositionals: true }>> {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw wrong(command, (error as Error).message)
  }
}

export const wrong = (command: string, words: string): Misuse => new Misuse(words, ...command.split(' '))

/** The option's value as a whole number, `least` or more; `Infinity` where that is one too. */
export function wholeNumber(command: string, name: string, given: string, least: number): number {
  const value = Number(given)
  if (!/^\d+$/.test(given) || !Number.isSafeInteger(value) || value < least)
    throw wrong(command, `--${name} must be a whole number, ${least} or more, got '${given}'`)
  return value
}

/** The key that the file of an option holds, or else the environment: neither is seen in a list of processes. */
export function keyFrom(command: string, file: string | undefined, option = 'key-file'): string | undefined {
  if (file === undefined) return process.env.ZPROC_SECRET_KEY || undefined
  let key: string
  try {
    key = readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw wrong(command, `--${option} cannot be read: ${(error as Error).message}`)
  }
  if (key === '') throw wrong(command, `--${option}: there is no key in ${file}`)
  return key
}

/** A time, as ISO 8601 has it, in milliseconds since 1970; undefined: it is none. */
export function timeOf(text: string): number | undefined {
  const time = Date.parse(text)
  return Number.isNaN(time) ? undefined : time
}

/** The folder that an option names. */
export function folder(command: string, name: string, given: string | undefined): string {
  if (given === undefined || given === '') throw wrong(command, `--${name} <folder> is missing`)
  return given
}

/** There is to be nothing else on the command line. */
export function noMore(command: string, others: string[]): void {
  if (others.length > 0) throw wrong(command, `'${others[0]}' is one argument too many`)
}
