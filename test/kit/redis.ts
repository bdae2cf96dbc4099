import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { watchOver } from '../../src/lifeline/guard.ts'
import { until } from './until.ts'

const found = ['redis-server', 'valkey-server'].find(name => !spawnSync(name, ['--version']).error)

/** false: there are servers to test with; else why there are none. CI sets ZPROC_REDIS=required: then it is a failure. */
export const noRedis: false | string = found
  ? false
  : 'NOT TESTED: neither redis-server nor valkey-server is on the PATH'
if (noRedis && process.env.ZPROC_REDIS === 'required') throw new Error(noRedis)
if (noRedis) console.error(`\n!!! ${noRedis}\n`)

/** One real server, in a directory of its own. */
export interface RedisServer {
  readonly port: number
  readonly pid: number
  /** Sends one command. */
  command(...args: string[]): Promise<unknown>
  /** kill -9 */
  kill(): Promise<void>
  /** Starts it again, on what is left in its directory. */
  start(): Promise<void>
  stop(): Promise<void>
}

/** What a test connects to. */
export interface RedisHome {
  address: string
  servers: RedisServer[]
  stop(): Promise<void>
}

/** A server that writes down each commit before it answers. */
export async function startRedis(...options: string[][]): Promise<RedisHome> {
  const server = await startServer(['--appendonly', 'yes', '--appendfsync', 'always'], ...options)
  return { address: `redis://127.0.0.1:${server.port}`, servers: [server], stop: () => server.stop() }
}

/** Three masters, each with `replicas` replicas: the masters come first in `servers`. */
export async function startCluster(replicas = 0): Promise<RedisHome> {
  const count = 3 * (1 + replicas)
  const servers = await Promise.all(
    Array.from({ length: count }, async () =>
      startServer(
        ['--cluster-enabled', 'yes', '--cluster-port', `${await freePort()}`],
        ['--cluster-node-timeout', '1000', '--repl-diskless-sync-delay', '0'],
        ['--cluster-allow-replica-migration', 'no', '--repl-ping-replica-period', '1'],
      ),
    ),
  )
  const stop = async () => void (await Promise.all(servers.map(server => server.stop())))
  try {
    const ids = await Promise.all(servers.map(server => server.command('CLUSTER', 'MYID')))
    const [first] = servers as [RedisServer]
    for (const [i, server] of servers.slice(0, 3).entries()) {
      const [from, to] = [Math.ceil((i * 16384) / 3), Math.ceil(((i + 1) * 16384) / 3) - 1]
      await server.command('CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${to}`)
      await server.command('CONFIG', 'SET', 'cluster-require-full-coverage', 'no')
    }
    const bus = async (server: RedisServer) =>
      String(((await server.command('CONFIG', 'GET', 'cluster-port')) as string[])[1])
    for (const server of servers.slice(1))
      await first.command('CLUSTER', 'MEET', '127.0.0.1', `${server.port}`, await bus(server))
    await until(async () => {
      for (const server of servers) {
        const nodes = String(await server.command('CLUSTER', 'NODES'))
        if (
          nodes
            .trim()
            .split('\n')
            .filter(line => line.includes(' connected')).length < count
        )
          return false
        if (/handshake/.test(nodes)) return false
      }
      return true
    })
    for (const [i, server] of servers.slice(3).entries())
      await server.command('CLUSTER', 'REPLICATE', String(ids[i % 3]))
    await until(async () => {
      for (const [i, server] of servers.entries()) {
        if (!String(await server.command('CLUSTER', 'INFO')).includes('cluster_state:ok')) return false
        const replication = String(await server.command('INFO', 'replication'))
        if (i >= 3 && !replication.includes('master_link_status:up')) return false
      }
      return true
    })
  } catch (error) {
    await stop()
    throw error
  }
  const nodes = servers.slice(0, 3).map(({ port }) => `127.0.0.1:${port}`)
  return { address: `redis+cluster://${nodes.join(',')}`, servers, stop }
}

/** A master, two replicas, and three sentinels that watch over them: in this order in `servers`. */
export async function startSentinels(): Promise<RedisHome> {
  const master = await startServer([])
  const replicas = await Promise.all(
    [1, 2].map(() =>
      startServer(['--replicaof', `127.0.0.1 ${master.port}`, '--repl-diskless-sync-delay', '0']),
    ),
  )
  await until(async () => String(await master.command('INFO', 'replication')).includes('connected_slaves:2'))
  const sentinels = await Promise.all([1, 2, 3].map(() => startServer(['--sentinel'])))
  for (const sentinel of sentinels) {
    await sentinel.command('SENTINEL', 'MONITOR', 'main', '127.0.0.1', `${master.port}`, '2')
    await sentinel.command('SENTINEL', 'SET', 'main', 'down-after-milliseconds', '500')
    await sentinel.command('SENTINEL', 'SET', 'main', 'failover-timeout', '3000')
  }
  await until(async () => {
    for (const sentinel of sentinels) {
      const info = String(await sentinel.command('INFO', 'sentinel'))
      if (!/status=ok,.*slaves=2,sentinels=3/.test(info)) return false
    }
    return true
  })
  const servers = [master, ...replicas, ...sentinels]
  return {
    address: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/main`,
    servers,
    stop: async () => void (await Promise.all(servers.reverse().map(server => server.stop()))),
  }
}

async function startServer(...options: string[][]): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), 'zproc-redis-'))
  const port = await freePort()
  let child: ChildProcess | undefined
  let ended = Promise.resolve()
  // Commands of the test: a connection each, so that none is in the way of a fault.
  const command = async (...args: string[]) => {
    const redis = new Redis(port, '127.0.0.1', {
      retryStrategy: null,
      lazyConnect: true,
      enableReadyCheck: false,
      protocol: 2,
    })
    redis.on('error', () => {})
    try {
      await redis.connect()
      return await redis.call(args[0] as string, args.slice(1))
    } finally {
      redis.disconnect()
    }
  }
  const server: RedisServer = {
    port,
    get pid() {
      return child?.pid as number
    },
    command,
    start: async () => {
      const given = options.flat()
      const isSentinel = given[0] === '--sentinel'
      const own = ['--port', `${port}`, '--dir', directory, '--bind', '127.0.0.1', '--loglevel', 'warning']
      const usual = isSentinel ? [] : ['--save', '', '--maxmemory-policy', 'noeviction']
      const config = join(directory, 'sentinel.conf')
      if (isSentinel) await import('node:fs').then(fs => fs.writeFileSync(config, '', { flag: 'a' }))
      const args = isSentinel ? [config, ...own, '--sentinel'] : [...own, ...usual, ...given]
      const started = spawn(found as string, args, { stdio: ['ignore', 'ignore', 'inherit'] })
      child = started
      const callOff = watchOver(started.pid as number, 'last')
      ended = once(started, 'exit').then(callOff)
      started.unref()
      await until(async () => {
        if (started.exitCode !== null) throw new Error(`redis-server ended with ${started.exitCode}`)
        const answer = await command('PING').catch((error: Error) => error.message)
        return answer === 'PONG' || String(answer).startsWith('NOAUTH')
      })
    },
    kill: async () => {
      child?.ref()
      child?.kill('SIGKILL')
      await ended
    },
    stop: async () => {
      await server.kill()
      rmSync(directory, { recursive: true, force: true })
    },
  }
  await server.start()
  return server
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
