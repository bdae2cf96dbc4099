// A limit of requests per user, kept by four HTTP processes together: what do they serve by where the counts are?
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { atomic, State, startServer } from 'zproc'
import { watchOver } from '../src/lifeline/guard.ts'
import { startChild } from './kit/child.ts'
import { inTurn, mustBe, sized } from './kit/measure.ts'
import { peer } from './kit/peer.ts'
import { report } from './kit/report.ts'

const PROCESSES = 4
const USERS = 10_000
const SECONDS = sized(5)

interface Window {
  count: number
  until: number
}

const allow = atomic((state: Record<string, Window>, user: string, most: number, ms: number) => {
  const now = Date.now()
  const window = state[user]
  if (!window || window.until <= now) {
    state[user] = { count: 1, until: now + ms }
    return true
  }
  return ++window.count <= most
})

if (process.send) {
  const state = new State<Record<string, Window>>(process.argv[2] as string)
  await state.size()
  const server = createServer(async (request, response) => {
    const allowed = await allow(state, request.url as string, 1_000_000, 3_600_000)
    response.writeHead(allowed ? 200 : 429).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.on('disconnect', () => process.exit())
  process.send((server.address() as AddressInfo).port)
} else {
  const autocannon = (await peer('autocannon'))?.default
  if (autocannon) {
    const directory = mkdtempSync(join(tmpdir(), 'zproc-bench-'))
    const port = 7000 + (process.pid % 1000)
    const redis = spawn('redis-server', ['--port', `${port}`, '--dir', directory, '--save', ''], {
      stdio: 'ignore',
    })
    const callOff = watchOver(redis.pid as number, 'last')
    const ping = new Redis(port, '127.0.0.1')
    ping.on('error', () => {})
    await ping.ping()
    const server = await startServer()

    const start = async (address: string) => {
      const children = Array.from({ length: PROCESSES }, () => startChild(import.meta.url, [address]))
      const ports = await Promise.all(children.map(async child => Number((await once(child, 'message'))[0])))
      const state = new State<Record<string, Window>>(address)
      return { children, ports, state }
    }
    const load = async ({ ports, state }: Awaited<ReturnType<typeof start>>) => {
      const before = await counted(state)
      const results = await Promise.all(
        ports.map(port =>
          autocannon({
            url: `http://127.0.0.1:${port}`,
            connections: 25,
            duration: SECONDS,
            requests: [
              {
                setupRequest: (request: object) => ({
                  ...request,
                  path: `/${Math.floor(Math.random() * USERS)}`,
                }),
              },
            ],
          }),
        ),
      )
      const served = results.reduce((sum: number, { requests }) => sum + requests.total, 0)
      // What was under way when the time was up was counted, and not answered.
      const more = (await counted(state)) - before - served
      mustBe('each request is counted once', more >= 0 && more <= PROCESSES * 25, true)
      mustBe(
        'all are allowed',
        results.every(({ non2xx, errors }) => non2xx + errors === 0),
        true,
      )
      return served / SECONDS
    }
    const stages = {
      'a zproc server': await start(server.address),
      Redis: await start(`redis://127.0.0.1:${port}`),
    }
    report(
      'Requests to four HTTP processes',
      'per second',
      await inTurn(sized(5), {
        'a zproc server': () => load(stages['a zproc server']),
        Redis: () => load(stages.Redis),
      }),
    )
    for (const { children, state } of Object.values(stages)) {
      for (const child of children) child.kill()
      await state.close()
    }
    await server.stop()
    ping.disconnect()
    redis.kill()
    await once(redis, 'exit')
    callOff()
    rmSync(directory, { recursive: true })
  }
}

async function counted(state: State<Record<string, Window>>): Promise<number> {
  const windows = (await state.values()) as Window[]
  return windows.reduce((sum, { count }) => sum + count, 0)
}
