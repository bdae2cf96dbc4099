import { availableParallelism } from 'node:os'
import { checkHome } from '../engines/engines.ts'
import type { WorkerHostOptions } from '../map/worker-host.ts'
import { keyFrom, parse, wholeNumber, wrong } from './parse.ts'

const options = {
  count: { type: 'string' },
  namespace: { type: 'string' },
  'key-file': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

/** What `zproc worker` is asked for; undefined: the help. */
export function workerArguments(args: string[]): Omit<WorkerHostOptions, 'warn'> | undefined {
  const { values, positionals } = parse('worker', args, options)
  if (values.help) return undefined
  const { count: given = `${availableParallelism()}`, namespace = 'default' } = values
  const [address, ...others] = positionals
  if (address === undefined) throw wrong('worker', 'the address of a server is missing')
  if (others.length > 0) throw wrong('worker', `one address is enough, got '${others[0]}' as well`)
  const count = wholeNumber('worker', 'count', given, 1)
  if (namespace === '') throw wrong('worker', '--namespace must not be empty')
  const secretKey = keyFrom('worker', values['key-file'])
  try {
    return { address: checkHome(address, secretKey, 'the address'), namespace, secretKey, count }
  } catch (error) {
    throw wrong('worker', (error as Error).message)
  }
}
