import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Api } from './api.ts'
import { Asked } from './asked.ts'
import { type Gate, HEADERS, Refused } from './gate.ts'
import type { Page } from './page.ts'
import type { Streams } from './streams.ts'

/** The most bytes of a request. */
const LONGEST = 8 << 20

/** What answers the requests. */
export interface Rooms {
  gate: Gate
  page: Page
  api: Api
  streams: Streams
}

/** Serves the page, and answers its calls. */
export function serve(rooms: Rooms): Server {
  return createServer((request, response) => {
    // A page that is closed is no error.
    response.on('error', () => {})
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    answer(rooms, request, response).catch((error: unknown) => refuse(response, error))
  })
}

async function answer(
  { gate, page, api, streams }: Rooms,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const pathname = (request.url ?? '/').replace(/[?#].*/s, '')
  const file = page.get(pathname)
  gate.checkOrigin(request.headers, pathname === '/')
  if (file) {
    if (request.method !== 'GET' && request.method !== 'HEAD') throw new Refused(405, 'a page is only read')
    response.setHeader('content-type', file.type)
    response.end(file.text)
    return
  }
  const name = /^\/api\/(\w+)$/.exec(pathname)?.[1]
  if (name === undefined) throw new Refused(404, 'there is nothing here')
  if (name === 'enter' && request.method === 'POST')
    return tell(response, { token: gate.enter(request.headers) })
  gate.checkToken(request.headers)
  if (request.method !== 'POST') throw new Refused(405, 'calls are made by POST')
  const body = await read(request)
  if (name === 'stream') {
    response.setHeader('content-type', 'application/x-ndjson')
    return streams.open(response, new Asked(body).textOrNull('namespace'))
  }
  const made = api.answer(name, body)
  if (!made) throw new Refused(404, `there is no call '${name}'`)
  tell(response, await made)
}

function tell(response: ServerResponse, answer: unknown): void {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(answer))
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) return void response.destroy()
  const [status, message] =
    error instanceof Refused ? [error.status, error.message] : [500, `zproc inspect has failed: ${error}`]
  // What is still being sent is not read.
  response.setHeader('connection', 'close')
  response.statusCode = status
  tell(response, { error: message })
}

/** The body, which must be JSON by its type: no form of another page can send that. */
async function read(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? ''))
    throw new Refused(415, 'a call is JSON: content-type must be application/json')
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length
    if (length > LONGEST) throw new Refused(413, `a call has at most ${LONGEST} bytes`)
    parts.push(part)
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString())
  } catch {
    throw new Refused(400, 'the body is no JSON')
  }
}
