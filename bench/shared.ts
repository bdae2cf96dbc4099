// What does it cost that the workers of a map are elsewhere? Two of them join as `zproc worker` does, on this machine.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Context } from 'zproc'
import { watchOver } from '../src/lifeline/guard.ts'
import { inTurn, mustBe, quick, sized, timed } from './kit/measure.ts'
import { report } from './kit/report.ts'

const ITEMS = Array.from({ length: sized(1000) }, (_, i) => i)
const spin = (x: number) => {
  const end = performance.now() + 5
  while (performance.now() < end);
  return x + 1
}
const sleep = (x: number) => new Promise<number>(resolve => setTimeout(resolve, 5, x + 1))

const redis = await redisServer()
const own = new Context()
await own.ready
const there = new Context(redis.address)
const workers = [...(await joined(own.serverAddress)), ...(await joined(redis.address))]

for (const [what, target] of [
  ['wait', sleep],
  ['compute', spin],
] as const)
  report(
    `1,000 items that ${what} for 5 ms, 2 workers`,
    'ms',
    await inTurn(sized(5), {
      'workers of this program': () => mapped(own, target, { count: 2 }),
      'workers that joined, a zproc server': () => mapped(own, target, { pool: 'shared' }),
      'workers that joined, Redis': () => mapped(there, target, { pool: 'shared' }),
    }),
  )

for (const worker of workers) {
  worker.kill()
  await once(worker, 'exit')
}
await Promise.all([own.close(), there.close()])
await redis.stop()

function mapped(
  ctx: Context,
  target: (x: number) => number | Promise<number>,
  options: { count?: number; pool?: 'shared' },
): Promise<number> {
  return timed(async () => {
    const results = await ctx.processMap(target, ITEMS, options).toArray()
    mustBe('the last result', results.at(-1), ITEMS.length)
  })
}

async function joined(address: string) {
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

async function redisServer() {
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
    stop: async () => {
      server.kill()
      await once(server, 'exit')
      callOff()
      rmSync(directory, { recursive: true })
    },
  }
}
