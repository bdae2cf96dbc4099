// Workers that join as `zproc worker` does, and a Redis of the bench's own for them; nothing is written to disk.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { watchOver } from '../../src/lifeline/guard.ts'
import { mustBe, quick } from './measure.ts'

/** Two processes with a worker each, which have joined. */
export async function joined(address: string) {
  const command = quick ? ['--import', 'tsx', 'src/cli/main.ts'] : ['dist/cli/main.js']
  const started = [1, 2].map(() => {
    const args = [...command, 'worker', address, '--count', '1']
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    child.once('exit', watchOver(child.pid as number, 'first'))
    return child
  })
  for (const { stdout } of started)
    mustBe('what it says', /joined/.test(String(await once(stdout, 'data'))), true)
  return started
}

export async function redisServer() {
  const directory = mkdtempSync(join(tmpdir(), 'zproc-bench-'))
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as { port: number }
  free.close()
  await once(free, 'close')
  const args = ['--port', `${port}`, '--dir', directory, '--save', '', '--maxmemory-policy', 'noeviction']
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const callOff = watchOver(server.pid as number, 'last')
  for await (const text of server.stdout) if (/ready to accept connections/i.test(String(text))) break
  return {
    address: `redis://127.0.0.1:${port}`,
    port,
    stop: async () => {
      server.kill()
      await once(server, 'exit')
      callOff()
      rmSync(directory, { recursive: true })
    },
  }
}
