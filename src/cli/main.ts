#!/usr/bin/env node
import { ZprocError } from '../errors.ts'
import { help } from './help.ts'
import { Misuse } from './misuse.ts'

/** The zproc command. It ends with 2 when it is called wrongly, with 1 when what it was to do cannot be done. */
async function main([command, ...rest]: string[]): Promise<number> {
  if (command === undefined) throw new Misuse('which command?')
  if (command === '--help' || command === '-h' || command === 'help') console.log(help)
  else if (command === 'worker') await (await import('./worker.ts')).worker(rest)
  else if (command === 'serve') return (await import('./serve.ts')).serve(rest)
  else if (command === 'log') return (await import('./log.ts')).log(rest)
  else if (command === 'backup') await (await import('./copies.ts')).backup(rest)
  else if (command === 'restore') await (await import('./copies.ts')).restore(rest)
  else throw new Misuse(`there is no command '${command}'`)
  return 0
}

main(process.argv.slice(2)).then(
  code => process.exit(code),
  error => {
    if (error instanceof Misuse) {
      console.error(`zproc: ${error.message}\nTry '${['zproc', ...error.command, '--help'].join(' ')}'.`)
      process.exit(2)
    }
    console.error(error instanceof ZprocError ? `zproc: ${error.name}: ${error.message}` : error)
    process.exit(1)
  },
)
