import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import { type AnyState, type Server, type ServerOptions, State, type StateOptions, startServer } from 'zproc'
import { type Proxy as Between, proxy } from '../kit/proxy.ts'

/** A server, a way to it that can fail, a State at its end, and one that goes straight to the server. */
export interface Faulty {
  server: Server
  between: Between
  state: State<AnyState>
  straight: State<AnyState>
  /** The next event of the faulty connection of this type. */
  event(type: 'connected' | 'disconnected' | 'resumed'): Promise<unknown>
}

export const ways: { name: string; address: string | null; options: ServerOptions }[] = [
  { name: 'plain', address: null, options: {} },
  { name: 'with a key', address: 'tcp://127.0.0.1:0', options: { secretKey: 'muchsecret' } },
]

export async function faulty(
  t: TestContext,
  options: ServerOptions = {},
  stateOptions: StateOptions = {},
  address: string | null = null,
): Promise<Faulty> {
  const server = await startServer(address, { backend: 'inline', ...options })
  t.after(() => server.stop())
  const between = await proxy(t, server.address)
  const { secretKey } = options
  const namespace = randomUUID()
  const state = new State<AnyState>(between.address, { namespace, secretKey, ...stateOptions })
  const straight = new State<AnyState>(server.address, { namespace, secretKey })
  t.after(() => Promise.all([state.close(), straight.close()]))
  await Promise.all([state.size(), straight.size()])
  return { server, between, state, straight, event: eventsOf(state) }
}

/** Waits for the events of a State's connection, each once. */
export function eventsOf(state: State<AnyState>) {
  const events = state.events()
  return async (type: string): Promise<unknown> => {
    for await (const event of { [Symbol.asyncIterator]: () => ({ next: () => events.next() }) })
      if (event.type === type) return event
    throw new Error(`the State was closed before it was ${type}`)
  }
}
