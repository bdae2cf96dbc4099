// `zproc inspect`, and a page that asks as the real one does, in processes of their own.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const page = fileURLToPath(new URL('page.mjs', import.meta.url))

/** Resolves when the page is shown figures. The command has to be built. */
export async function openInspector(address: string): Promise<{ close(): Promise<void> }> {
  const command = spawn(process.execPath, [cli, 'inspect', address, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { url } = JSON.parse(await firstLine(command)) as { url: string }
  const reader = spawn(process.execPath, [page, url], { stdio: ['ignore', 'pipe', 'inherit'] })
  await firstLine(reader)
  const end = async (child: ChildProcess) => {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  return {
    close: async () => {
      await end(reader)
      await end(command)
    },
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('it has no stdout')
  for await (const line of createInterface({ input: child.stdout })) return line
  throw new Error('the inspector has ended')
}
