import type { Socket } from 'node:net'
import { describe } from '../protocol/describe.ts'
import { encodeFrame } from '../protocol/frames.ts'
import { type ClientHello, type Hello, PROTOCOL, type ServerHello, VERSION } from '../protocol/messages.ts'
import { BATCH, type Read } from '../transport/channel.ts'
import { readHello } from '../transport/hello.ts'
import type { Core, Returning } from './core.ts'
import { refuse } from './door.ts'
import { Session } from './session.ts'

/** Gives a socket its session: a new one, or one that lost its connection. `greeted` is called when it has one. */
export function greet(core: Core<Session>, socket: Socket, greeted: () => void): void {
  socket.on('error', () => {})
  const send = (kind: string, refused: string) => {
    core.operator.client(kind, `refused a client: ${refused}`)
    // Whatever else it says is not heard.
    socket.resume()
    refuse(socket, { refused })
  }
  const failed = (error: Error) => {
    core.operator.client(
      'broken',
      `ended the connection of somebody who had not said hello: ${error.message}`,
    )
    socket.destroy()
  }
  const heard = (hello: unknown, read: Read) => {
    const [protocol, version, said] = Array.isArray(hello) ? (hello as Partial<Hello>) : []
    if (protocol !== PROTOCOL) throw new TypeError('the peer does not speak zproc')
    if (version !== VERSION)
      return send(
        'version',
        `the server speaks version ${VERSION} of the protocol and the client version ${describe(version)}: use the same version of zproc on both sides`,
      )
    const client = checked(said as Partial<ClientHello> | null)
    const found = sessionOf(core, client)
    if ('refused' in found) return send(found.kind, found.refused)
    greeted()
    const { session, resumed } = found
    const { maxMessageBytes, maxInFlight } = core.limits
    const answer: ServerHello = {
      pid: process.pid,
      session: session.number,
      maxMessageBytes,
      maxInFlight,
      log: core.log,
      start: core.start,
      resumed,
      received: session.received,
      remembers: found.remembers,
      home: core.home,
    }
    const begin = () => {
      socket.write(encodeFrame([PROTOCOL, VERSION, answer] satisfies Hello))
      session.attach(socket, resumed ? client.received : 0, read)
    }
    // A session that a client knows of is still known when the server is started again.
    if (core.keeper) core.keeper.wait(core.keeper.newest, begin)
    else begin()
  }
  readHello(socket, Math.max(core.limits.maxMessageBytes, BATCH), heard, failed)
}

type Found = { session: Session; resumed: boolean; remembers: boolean } | { kind: string; refused: string }

/** The session that a client asks for, or why it gets none. */
function sessionOf(core: Core<Session>, client: Required<ClientHello>): Found {
  const { token, number } = { token: Buffer.from(client.token).toString('hex'), number: client.session }
  const { maxConnections } = core.limits
  const made = (again?: number, returning?: Returning): Found =>
    core.sessions.size >= maxConnections
      ? {
          kind: 'many',
          refused: `the server has ${maxConnections} connections, as many as it takes (its maxConnections)`,
        }
      : {
          session: new Session(core, client, token, again, returning?.answers),
          resumed: false,
          remembers: returning !== undefined,
        }
  const old = token === '' ? undefined : core.sessions.get(token)
  // Whatever made a copy of a connection: each thing that was said on it happens once.
  if (old && client.attempt <= old.attempt)
    return { kind: 'old', refused: 'this session has a newer connection' }
  const isSame = client.log === core.log && number === (old ?? core.returning.get(token))?.number
  if (isSame && core.keeper && client.start !== core.start) {
    const returning = old ? old.leaveOpen() : core.returning.get(token)
    core.returning.delete(token)
    return made(number, returning)
  }
  if (old && isSame && old.canResume(client.received)) {
    old.attempt = client.attempt
    return { session: old, resumed: true, remembers: false }
  }
  old?.close()
  if (client.log !== core.log || number < 0 || !core.wasSession(number)) return made()
  for (const other of core.sessions.values())
    if (other.number === number) return { kind: 'foreign', refused: 'this session belongs to somebody else' }
  // It ended for lack of a connection: what this client has committed goes on to be its own.
  return made(number)
}

function checked(hello: Partial<ClientHello> | null): Required<ClientHello> {
  const said = typeof hello === 'object' && hello !== null ? hello : {}
  const whole = (value: unknown, otherwise: number) =>
    Number.isSafeInteger(value) ? (value as number) : otherwise
  const pid = whole(said.pid, 0)
  return {
    pid,
    life: whole(said.life, pid),
    machine: String(said.machine),
    token: said.token instanceof Uint8Array && said.token.length >= 16 ? said.token : new Uint8Array(),
    attempt: whole(said.attempt, 1),
    session: whole(said.session, -1),
    log: String(said.log),
    start: String(said.start),
    received: whole(said.received, -1),
  }
}
