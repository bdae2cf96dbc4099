import { withoutPassword } from '../async/shown.ts'
import { Ask, isRead, isWrite } from '../protocol/kinds-of-requests.ts'
import type { ClientMessage } from '../protocol/messages.ts'
import { commands, isTraced, trace } from '../tracing/channels.ts'
import type { CommandTrace } from '../tracing/messages.ts'

/** A State's standing; see Link. */
interface Place {
  namespace: string
  isSpare: boolean
  connection: { address: string }
}

/** The message of a command. */
export const commandOf = (
  { namespace, connection }: Place,
  command: string,
  keys: readonly string[],
  fn?: string,
): CommandTrace => ({
  command,
  keys,
  function: fn,
  namespace,
  serverAddress: withoutPassword(connection.address),
})

/** Calls `fn`, the method `call` of a State, as a command. */
export function asCommand<T>(
  place: Place,
  call: string,
  keys: readonly string[],
  fn: () => Promise<T>,
): Promise<T> {
  if (!isTraced(commands) || place.isSpare) return fn()
  return trace(commands, commandOf(place, methodOf(call), keys), fn)
}

/** Whether a request is all that a method asks for; others are part of a method, and of one that is a command itself. */
export const isWholeCommand = (kind: number): boolean =>
  kind === Ask.flushed ||
  ((isRead(kind) || isWrite(kind)) && kind !== Ask.atomic && kind !== Ask.page && kind !== Ask.when)

/** As `asCommand`, for a call that is this request. */
export const asRequest = <T>(
  place: Place,
  call: string,
  message: ClientMessage,
  fn: () => Promise<T>,
): Promise<T> => trace(commands, commandOf(place, methodOf(call), keysOf(message)), fn)

const methodOf = (call: string): string => call.replace('state.', '')

function keysOf(message: ClientMessage): string[] {
  const [, , , named]: unknown[] = message
  if (typeof named === 'string') return [named]
  return Array.isArray(named) ? named.map(([key]: unknown[]) => String(key)) : []
}
