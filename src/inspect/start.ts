import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { withoutPassword } from '../async/shown.ts'
import { ConnectionError, ZprocError } from '../errors.ts'
import { Api } from './api.ts'
import type { Home } from './followed.ts'
import { Gate } from './gate.ts'
import { Namespaces } from './namespaces.ts'
import { Page } from './page.ts'
import { Pulse } from './pulse.ts'
import { type Redaction, Redactor } from './redact.ts'
import { serve } from './server.ts'
import { Streams } from './streams.ts'

export interface InspectorOptions extends Home, Redaction {
  /** The namespace that is shown first. */
  namespace: string
  /** Default: one that is free. */
  port?: number | undefined
  /** Whether the page may set and delete keys. */
  canWrite?: boolean
  /** Where the files of the page are; default: in the package. */
  page?: URL
}

/** A page that shows a server and its states, served to this machine alone. */
export interface Inspector {
  /** With the secret that it takes to see anything. */
  url: string
  /** The same page by a secret that is good for once. */
  urlOnce(): string
  /** Pages that are open. */
  pages(): number
  close(): Promise<void>
}

/** Serves the inspector's page on 127.0.0.1. Rejects if no server answers at the address. */
export async function startInspector({
  namespace,
  port = 0,
  canWrite = false,
  page,
  ...options
}: InspectorOptions): Promise<Inspector> {
  const home: Home = { address: options.address, secretKey: options.secretKey }
  const redactor = new Redactor(options)
  const gate = new Gate()
  const files = new Page(page)
  const pulse: Pulse = new Pulse(home, () => {
    streams.heard()
    namespaces.settle()
  })
  const namespaces = new Namespaces(home, namespace, redactor, name => pulse.hasNamespace(name))
  const streams = new Streams(namespaces, pulse, {
    type: 'facts',
    address: withoutPassword(home.address),
    namespace,
    canWrite,
    redacts: redactor.redacts,
  })
  const api = new Api(namespaces, redactor, pulse, home, canWrite)
  const server = serve({ gate, page: files, api, streams })
  try {
    const followed = namespaces.get(namespace)
    await followed.ready()
    if (followed.revision < 0 && followed.error) throw followed.error
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  } catch (error) {
    await namespaces.close()
    const { code, message } = error as NodeJS.ErrnoException
    if (error instanceof ZprocError || code === undefined) throw error
    throw new ConnectionError(`the inspector cannot listen at 127.0.0.1:${port}: ${message}`, {
      cause: error,
    })
  }
  const at = (server.address() as AddressInfo).port
  gate.listensAt(at)
  void pulse.run()
  return {
    url: `http://127.0.0.1:${at}/#token=${gate.token}`,
    urlOnce: () => `http://127.0.0.1:${at}/#once=${gate.once()}`,
    pages: () => streams.size,
    close: async () => {
      pulse.stop()
      streams.close()
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await Promise.all([closed, namespaces.close()])
    },
  }
}
