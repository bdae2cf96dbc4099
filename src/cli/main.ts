#!/usr/bin/env node
import { ZprocError } from '../errors.ts'
import { help } from './help.ts'
import { Misuse } from './misuse.ts'
import { worker } from './worker.ts'

/** The zproc command. It ends with 2 when it is called wrongly, with 1 when what it was to do cannot be done. */
async function main([command, ...rest]: string[]): Promise<void> {
  if (command === undefined) throw new Misuse('which command?')
  if (command === '--help' || command === '-h' || command === 'help') return console.log(help)
  if (command === 'worker') return worker(rest)
  throw new Misuse(`there is no command '${command}'`)
}

main(process.argv.slice(2)).then(
  () => process.exit(),
  error => {
    if (error instanceof Misuse) {
      console.error(`zproc: ${error.message}\nTry '${['zproc', ...error.command, '--help'].join(' ')}'.`)
      process.exit(2)
    }
    console.error(error instanceof ZprocError ? `zproc: ${error.name}: ${error.message}` : error)
    process.exit(1)
  },
)
