import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { type AnyState, type ServerOptions, State } from 'zproc'
import type { StreamLine } from '../../src/inspect/messages.ts'
import { type Inspector, type InspectorOptions, startInspector } from '../../src/inspect/start.ts'
import { needsPage } from '../kit/build.ts'
import { room } from '../kit/servers.ts'

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

/** An inspector, and a client of it that may be anybody. */
export interface Inspecting {
  inspector: Inspector
  port: number
  token: string
  /** One request, by whoever the headers say. */
  send(method: string, path: string, headers?: OutgoingHttpHeaders, body?: string): Promise<Answer>
  /** A call as the page makes it. Rejects if it is refused. */
  call<T>(name: string, question: object): Promise<T>
  /** The page's stream, of which nothing is read yet. */
  stream(namespace?: string | null): Promise<IncomingMessage>
}

/** An inspector of a server of its own, and a state there. */
export interface Inspected extends Inspecting {
  state: State<AnyState>
  address: string
}

type Given = Partial<InspectorOptions> & { server?: ServerOptions }

/** A server in this process, a state on it, and an inspector of both. */
export async function inspected(t: TestContext, { server = {}, ...options }: Given = {}): Promise<Inspected> {
  const own = await room(t, server)
  const { address } = own.server()
  const namespace = options.namespace ?? 'default'
  const state = new State<AnyState>(address, { namespace, secretKey: server.secretKey })
  t.after(() => state.close())
  await state.size()
  const made = await inspector(t, { address, secretKey: server.secretKey, namespace, ...options })
  return { state, address, ...made }
}

/** An inspector of the server at an address. */
export async function inspector(
  t: TestContext,
  { address, ...options }: Partial<InspectorOptions> & { address: string },
): Promise<Inspecting> {
  needsPage()
  const inspector = await startInspector({ address, secretKey: undefined, namespace: 'default', ...options })
  t.after(() => inspector.close())
  const url = new URL(inspector.url)
  const port = Number(url.port)
  const token = new URLSearchParams(url.hash.slice(1)).get('token') ?? ''
  const asPage = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return {
    inspector,
    port,
    token,
    send: async (method, path, headers = {}, body = '') => {
      const response = await sent(port, method, path, headers, body)
      let text = ''
      for await (const part of response.setEncoding('utf8')) text += part
      return { status: response.statusCode ?? 0, headers: response.headers, text }
    },
    call: async (name, question) => {
      const response = await sent(port, 'POST', `/api/${name}`, asPage, JSON.stringify(question))
      let text = ''
      for await (const part of response.setEncoding('utf8')) text += part
      if (response.statusCode !== 200) throw new Error(`${response.statusCode}: ${text}`)
      return JSON.parse(text)
    },
    stream: (asked = null) => sent(port, 'POST', '/api/stream', asPage, JSON.stringify({ namespace: asked })),
  }
}

async function sent(
  port: number,
  method: string,
  path: string,
  headers: OutgoingHttpHeaders,
  body: string,
): Promise<IncomingMessage> {
  const asking = request({ host: '127.0.0.1', port, method, path, headers, agent: false })
  const answered = once(asking, 'response')
  // What is refused may be cut off while it is still being sent, before its answer is here or behind it.
  asking.on('error', () => {})
  asking.end(body)
  const [response] = (await answered) as [IncomingMessage]
  return response
}

/** The lines of a stream, as they come. */
export async function* linesOf(response: IncomingMessage): AsyncGenerator<StreamLine> {
  for await (const line of createInterface({ input: response })) if (line.trim()) yield JSON.parse(line)
}
