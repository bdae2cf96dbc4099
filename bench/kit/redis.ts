// A hash in a Redis of the bench's own, behind a socket file; nothing is written to disk, unless a folder is given.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { watchOver } from '../../src/lifeline/guard.ts'
import { randomIpcAddress } from '../../src/protocol/address.ts'
import type { Keeper, Kept } from './keeper.ts'
import { peer } from './peer.ts'

const TABLE = 'table'
const PLUS_ONE = `
  local next = (tonumber(redis.call('HGET', KEYS[1], ARGV[1])) or 0) + 1
  redis.call('HSET', KEYS[1], ARGV[1], next)
  return next`

/**
 * undefined, with a line that says so, when there is no redis-server on the PATH, or the client is not installed. `folder`: where
 * each write is synced before it is answered.
 */
export async function start(client: 'ioredis' | 'redis', folder?: string): Promise<Kept | undefined> {
  if (!(await peer(client))) return undefined
  const address = randomIpcAddress().slice('ipc://'.length)
  const server = spawn(
    'redis-server',
    [
      ...['--port', '0', '--unixsocket', address, '--save', ''],
      ...(folder === undefined
        ? ['--appendonly', 'no', '--dir', tmpdir()]
        : ['--appendonly', 'yes', '--appendfsync', 'always', '--dir', folder]),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  if (server.pid === undefined) {
    await once(server, 'error').catch(() => {})
    console.log('redis-server is not there, its rows are left out: apt-get install redis-server')
    return undefined
  }
  const callOff = watchOver(server.pid, 'last')
  for await (const text of server.stdout) if (/ready to accept connections/i.test(String(text))) break
  return {
    address,
    stop: async () => {
      server.kill()
      await once(server, 'exit')
      callOff()
      rmSync(address, { force: true })
    },
  }
}

export async function ioredis(address: string, many: boolean): Promise<Keeper> {
  const { Redis } = await peer('ioredis')
  const redis = new Redis(address, { enableAutoPipelining: many })
  redis.defineCommand('plusOne', { numberOfKeys: 1, lua: PLUS_ONE })
  return {
    set: (key, value) => redis.hset(TABLE, key, value),
    get: key => redis.hget(TABLE, key),
    increment: key => redis.hincrby(TABLE, key, 1),
    append: (key, value) => redis.rpush(key, value),
    run: key => redis.plusOne(TABLE, key),
    close: () => redis.quit(),
  }
}

export async function nodeRedis(address: string): Promise<Keeper> {
  const { createClient } = await peer('redis')
  const redis = await createClient({ socket: { path: address } }).connect()
  return {
    set: (key, value) => redis.hSet(TABLE, key, value as string),
    get: key => redis.hGet(TABLE, key),
    increment: key => redis.hIncrBy(TABLE, key, 1),
    append: (key, value) => redis.rPush(key, String(value)),
    close: () => redis.close(),
  }
}
