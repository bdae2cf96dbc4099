import { randomUUID } from 'node:crypto'
import { after, before, describe, type TestContext } from 'node:test'
import { type AnyState, type Server, type ServerOptions, State, startServer } from 'zproc'

/** The ways to have a server: whatever the contract says holds for each of them. */
export const engines: { name: string; address: string | null; options: ServerOptions }[] = [
  { name: 'a process, over ipc', address: null, options: { backend: 'process' } },
  { name: 'inline, over ipc', address: null, options: { backend: 'inline' } },
  { name: 'inline, over tcp', address: 'tcp://127.0.0.1:0', options: { backend: 'inline' } },
  { name: 'a thread, over ipc', address: null, options: { backend: 'thread' } },
  {
    name: 'inline, over tcp, with a key',
    address: 'tcp://127.0.0.1:0',
    options: { backend: 'inline', secretKey: 'muchsecret' },
  },
]

/** One engine's server, and States on it in namespaces that no other test uses. */
export interface Room {
  server(): Server
  /** What the server asks of those who join it. */
  readonly secretKey: string | undefined
  /** A State that nobody else shares. */
  state<S extends object = AnyState>(t: TestContext): State<S>
  /** Two States of one namespace, each with a connection of its own, that have begun when it is empty. */
  pair(t: TestContext): Promise<[State, State]>
  /** The same, of which both begin when the state is `initial`. */
  pairAt(t: TestContext, initial: AnyState): Promise<[State, State]>
  /** Another State of the same namespace. Resolves when it has begun, at the newest revision. */
  beside<S extends object>(t: TestContext, state: State<S>): Promise<State<S>>
}

/** The same tests, once for each engine. */
export function contract(title: string, define: (room: Room) => void): void {
  for (const { name, address, options } of engines) {
    describe(`${title} (${name})`, () => {
      let server: Server
      before(async () => {
        server = await startServer(address, options)
      })
      after(() => server.stop())
      define(roomOf(() => server, options.secretKey))
    })
  }
}

/** A server of this test's own, in this process unless told otherwise. */
export async function room(
  t: TestContext,
  options: ServerOptions = {},
  address: string | null = null,
): Promise<Room> {
  const server = await startServer(address, { backend: 'inline', ...options })
  t.after(() => server.stop())
  return roomOf(() => server, options.secretKey)
}

/** The same server by another name of its address: States at different ones do not share a connection. */
export function elsewhere(address: string): string {
  return address.startsWith('ipc:///')
    ? address.replace('ipc:///', 'ipc:////')
    : address.replace('//127.0.0.1:', '//localhost:')
}

function roomOf(server: () => Server, secretKey?: string): Room {
  const open = <S extends object>(t: TestContext, address: string, namespace: string) => {
    const state = new State<S>(address, { namespace, secretKey })
    t.after(() => state.close())
    return state
  }
  return {
    server,
    secretKey,
    state: t => open(t, server().address, randomUUID()),
    pair: async t => {
      const namespace = randomUUID()
      return begun(
        open<AnyState>(t, server().address, namespace),
        open<AnyState>(t, elsewhere(server().address), namespace),
      )
    },
    pairAt: async (t, initial) => {
      const namespace = randomUUID()
      await open<AnyState>(t, server().address, namespace).set(initial)
      return begun(
        open<AnyState>(t, server().address, namespace),
        open<AnyState>(t, elsewhere(server().address), namespace),
      )
    },
    beside: async (t, state) => {
      const other = state.fork()
      t.after(() => other.close())
      await other.size()
      return other
    },
  }
}

async function begun(...states: [State, State]): Promise<[State, State]> {
  await Promise.all(states.map(state => state.size()))
  return states
}
