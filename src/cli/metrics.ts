import { createHash, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConnectionError } from '../errors.ts'
import { isLoopback } from '../protocol/transports/tcp.ts'
import { keyFrom, wrong } from './parse.ts'

/** Where metrics are served, and the token that a reader has to send. */
export interface MetricsPlace {
  host: string
  port: number
  token: string | undefined
}

/** `[host:]port`. Where other machines reach it there must be a token. */
export function metricsPlace(command: string, given: string, tokenFile: string | undefined): MetricsPlace {
  const found = /^(?:(\[[\da-f:.]+\]|[^\s:[\]]+)?:)?(\d{1,5})$/i.exec(given)
  const port = Number(found?.[2])
  if (!found || port > 65_535) throw wrong(command, `--metrics must be port or host:port, got '${given}'`)
  const host = (found[1] ?? '127.0.0.1').replace(/^\[|\]$/g, '')
  const token = tokenFile === undefined ? undefined : keyFrom(command, tokenFile, 'metrics-token-file')
  if (!isLoopback(host) && token === undefined)
    throw wrong(
      command,
      `--metrics ${given} can be reached from other machines: give --metrics-token-file <file>, or a host such as 127.0.0.1`,
    )
  return { host, port, token }
}

/** Serves what `read` gives at `/metrics`. */
export async function serveMetrics(
  { host, port, token }: MetricsPlace,
  read: () => Promise<string>,
): Promise<{ url: string; close(): void }> {
  let reading: Promise<string> | undefined
  // Requests that come meanwhile get the same answer.
  const shared = () => {
    reading ??= read().finally(() => {
      reading = undefined
    })
    return reading
  }
  const server = createServer((request, response) => {
    const refusal = refusalOf(request, token, isLoopback(host))
    if (refusal) return answer(request, response, ...refusal)
    shared().then(
      text => answer(request, response, 200, text),
      error => answer(request, response, 503, `${(error as Error).message}\n`),
    )
  })
  server.listen({ host, port })
  try {
    await once(server, 'listening')
  } catch (cause) {
    const { message } = cause as Error
    throw new ConnectionError(`metrics cannot be served at ${host}:${port}: ${message}`, { cause })
  }
  const { port: bound } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}/metrics`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

type Refusal = [status: number, text: string]

function refusalOf(
  { method, url, headers }: IncomingMessage,
  token: string | undefined,
  isLocal: boolean,
): Refusal | undefined {
  // A page of another site may have its name resolve to this address (DNS rebinding).
  const name = headers.host?.replace(/:\d+$/, '').replace(/^\[|\]$/g, '') ?? ''
  if (isLocal && !isLoopback(name)) return [403, 'this is served to this machine alone\n']
  if (token !== undefined && !isSame(headers.authorization ?? '', `Bearer ${token}`))
    return [401, 'Authorization: Bearer <token> is needed\n']
  if (method !== 'GET' && method !== 'HEAD') return [405, 'GET is needed\n']
  if (url?.split('?')[0] !== '/metrics') return [404, 'metrics are at /metrics\n']
  return undefined
}

/** Compares texts in a time that says nothing of either. */
function isSame(one: string, other: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(one), hash(other))
}

function answer({ method }: IncomingMessage, response: ServerResponse, status: number, text: string): void {
  const type = status === 200 ? 'text/plain; version=0.0.4; charset=utf-8' : 'text/plain; charset=utf-8'
  response.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
  })
  response.end(method === 'HEAD' ? undefined : text)
}
