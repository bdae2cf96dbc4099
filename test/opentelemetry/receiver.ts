import { createServer } from 'node:http'
import type { TestContext } from 'node:test'

/** A span as OTLP carries it, and the process that it is of. */
export interface Received {
  traceId: string
  spanId: string
  parentSpanId: string
  name: string
  kind: number
  pid: number
}

interface Attribute {
  key: string
  value: { intValue?: number | string; stringValue?: string }
}
interface Posted {
  resourceSpans: {
    resource: { attributes: Attribute[] }
    scopeSpans: { spans: Omit<Received, 'pid'>[] }[]
  }[]
}

/** Takes what exporters send over OTLP/HTTP, as a collector does. */
export async function startReceiver(t: TestContext): Promise<{ url: string; spans: Received[] }> {
  const spans: Received[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const part of request.setEncoding('utf8')) text += part
    const { resourceSpans }: Posted = JSON.parse(text)
    for (const { resource, scopeSpans } of resourceSpans) {
      const pid = resource.attributes.find(({ key }) => key === 'process.pid')?.value.intValue
      for (const { spans: sent } of scopeSpans)
        for (const span of sent) spans.push({ ...span, pid: Number(pid) })
    }
    response.setHeader('content-type', 'application/json').end('{}')
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return { url: `http://127.0.0.1:${port}/v1/traces`, spans }
}
