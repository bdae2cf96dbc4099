import { connect, type Socket } from 'node:net'

/**
 * What is found at the path of a socket: a process that listens; one that has just ended; nobody; or something that is
 * not to be asked.
 */
export type Found = 'answered' | 'ended' | 'nobody' | 'other'

/** Connects to the socket at `path`, and hangs up. */
export function knock(path: string): Promise<Found> {
  return new Promise(resolve => {
    const socket = connect({ path })
    socket.once('connect', () => {
      resolve('answered')
      socket.destroy()
    })
    socket.once('error', error => resolve(foundBy(error)))
  })
}

/** Waits until the process that listens at `path` closes the connection, or ends: 'ended'; 'nobody': none listened. */
export function endOf(path: string): { promise: Promise<Found>; giveUp: () => void } {
  const socket: Socket = connect({ path }).resume()
  const promise = new Promise<Found>(resolve => {
    socket.once('error', error => resolve(foundBy(error)))
    socket.once('close', () => resolve('ended'))
  })
  return { promise, giveUp: () => socket.destroy() }
}

function foundBy({ code }: NodeJS.ErrnoException): Found {
  if (code === 'ECONNREFUSED' || code === 'ENOENT') return 'nobody'
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'ended'
  // A process that listens and has more connections waiting than the system keeps.
  return code === 'EAGAIN' ? 'answered' : 'other'
}
