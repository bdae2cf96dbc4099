import type { Socket } from 'node:net'
import { soon } from './interval.ts'

// Node's streams schedule by whatever `process.nextTick` is at the time, and test runners put their own there, which runs nothing
// until the test says so. Sockets of zproc's own are read and end in any case.

const { nextTick } = process
const isFaked = (): boolean => process.nextTick !== nextTick

/** Runs `act`: what Node schedules within that is not faked. */
export function withRealTicks<T>(act: () => T): T {
  if (!isFaked()) return act()
  const faked = process.nextTick
  process.nextTick = nextTick
  try {
    return act()
  } finally {
    process.nextTick = faked
  }
}

/** A socket, given back, that is read and ends while `process.nextTick` is faked. */
export function independent<S extends Socket>(socket: S): S {
  const { push, resume, _destroy } = socket
  socket.resume = () => withRealTicks(() => resume.call(socket))
  socket.push = (chunk, encoding) => {
    // What comes behind the end, until it is closed, takes ticks from everywhere. All that was read is handed out by then.
    if (chunk === null && isFaked()) soon(() => socket.destroy())
    return withRealTicks(() => push.call(socket, chunk, encoding))
  }
  socket._destroy = (error, done) => withRealTicks(() => _destroy.call(socket, error, done))
  return socket
}
