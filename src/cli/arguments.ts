import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { checkHome } from '../engines/engines.ts'
import type { WorkerHostOptions } from '../map/worker-host.ts'
import { Misuse } from './misuse.ts'

const options = {
  count: { type: 'string' },
  namespace: { type: 'string' },
  'secret-key-file': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

/** What `zproc worker` is asked for; undefined: the help. */
export function workerArguments(args: string[]): Omit<WorkerHostOptions, 'warn'> | undefined {
  const { values, positionals } = parsed(args)
  if (values.help) return undefined
  const { count: given = `${availableParallelism()}`, namespace = 'default' } = values
  const [address, ...others] = positionals
  if (address === undefined) throw wrong('the address of a server is missing')
  if (others.length > 0) throw wrong(`one address is enough, got '${others[0]}' as well`)
  const count = Number(given)
  if (!/^\d+$/.test(given) || !Number.isSafeInteger(count) || count < 1)
    throw wrong(`--count must be a whole number, 1 or more, got '${given}'`)
  if (namespace === '') throw wrong('--namespace must not be empty')
  const secretKey = keyFrom(values['secret-key-file'])
  try {
    return { address: checkHome(address, secretKey, 'the address'), namespace, secretKey, count }
  } catch (error) {
    throw wrong((error as Error).message)
  }
}

function parsed(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw wrong((error as Error).message)
  }
}

function keyFrom(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  let key: string
  try {
    key = readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw wrong(`--secret-key-file cannot be read: ${(error as Error).message}`)
  }
  if (key === '') throw wrong(`--secret-key-file: there is no key in ${file}`)
  return key
}

const wrong = (words: string): Misuse => new Misuse(words, 'worker')
