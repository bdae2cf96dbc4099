#!/usr/bin/env node
import { ZprocError } from '../errors.ts'
import { help } from './help.ts'
import { Misuse } from './misuse.ts'
import type { CommandName } from './options.ts'
import { safe } from './shown.ts'

type Command = (args: string[]) => Promise<unknown>

/** The commands. One that gives a number ends with that. */
const commands: Record<CommandName, () => Promise<Command>> = {
  ls: async () => (await import('./ls.ts')).ls,
  status: async () => (await import('./status.ts')).status,
  top: async () => (await import('./top.ts')).top,
  inspect: async () => (await import('./inspect.ts')).inspect,
  tree: async () => (await import('./tree.ts')).tree,
  get: async () => (await import('./values.ts')).get,
  set: async () => (await import('./values.ts')).set,
  delete: async () => (await import('./values.ts')).remove,
  keys: async () => (await import('./values.ts')).keys,
  copy: async () => (await import('./values.ts')).copy,
  watch: async () => (await import('./past.ts')).watch,
  history: async () => (await import('./past.ts')).history,
  at: async () => (await import('./past.ts')).at,
  diff: async () => (await import('./past.ts')).diff,
  ping: async () => (await import('./ping.ts')).ping,
  stop: async () => (await import('./ping.ts')).stop,
  serve: async () => (await import('./serve.ts')).serve,
  worker: async () => (await import('./worker.ts')).worker,
  log: async () => (await import('./log.ts')).log,
  backup: async () => (await import('./copies.ts')).backup,
  restore: async () => (await import('./copies.ts')).restore,
  kill: async () => (await import('./kill.ts')).kill,
  bench: async () => (await import('./bench.ts')).bench,
  completion: async () => (await import('./completion.ts')).completion,
}

const isCommand = (name: string): name is CommandName => Object.hasOwn(commands, name)

/** The zproc command. It ends with 2 when it is called wrongly, with 1 when what it was to do cannot be done. */
async function main([name, ...rest]: string[]): Promise<number> {
  if (name === undefined) throw new Misuse('which command?')
  if (name === '--help' || name === '-h' || name === 'help') {
    console.log(help)
    return 0
  }
  if (!isCommand(name)) throw new Misuse(`there is no command '${name}'`)
  const run = await commands[name]()
  const code = await run(rest)
  return typeof code === 'number' ? code : 0
}

// What reads the output may have read enough of it.
process.stdout.on('error', error => {
  // EIO: its terminal is gone.
  if (!/^(EPIPE|EIO)$/.test(String((error as NodeJS.ErrnoException).code))) throw error
  process.exit(0)
})

main(process.argv.slice(2)).then(
  code => ended(code),
  error => {
    if (error instanceof Misuse) {
      console.error(`zproc: ${error.message}\nTry '${['zproc', ...error.command, '--help'].join(' ')}'.`)
      return ended(2)
    }
    const isKnown = error instanceof ZprocError || error instanceof TypeError || error instanceof RangeError
    console.error(isKnown ? `zproc: ${safe(`${error.name}: ${error.message}`)}` : error)
    ended(1)
  },
)

/** Ends the command once all that it has printed is written, which in a pipe takes a while. */
function ended(code: number): void {
  process.stdout.write('', () => process.exit(code))
}
