import type { Proxy as Way } from '../kit/proxy.ts'
import type { Hand } from './hands.ts'
import { random } from './random.ts'

/** What happens on the way of one client when so many calls and watches were begun. */
export interface Fault {
  at: number
  client: number
  /** `kill`: the process that the client is in, with SIGKILL; `restart`: the server. */
  kind: 'cut' | 'tear' | 'deafen' | 'stall' | 'stallAndCut' | 'delay' | 'duplicate' | 'kill' | 'restart'
  /** How long, milliseconds. */
  ms: number
}

/** Some faults, in order, for a history of about `begun` calls. */
export function drawFaults(
  clients: number,
  remote: number,
  begun: number,
  seed: number,
  restart = false,
): Fault[] {
  const pick = random(seed, 0xfa)
  const count = pick.chance(0.1) ? 0 : 1 + pick.below(10)
  const faults = Array.from(
    { length: count },
    (): Fault => ({
      at: pick.below(begun),
      client: pick.below(clients),
      kind: pick.weighed({ cut: 3, tear: 3, deafen: 3, stall: 2, stallAndCut: 1, delay: 2, duplicate: 2 }),
      ms: 1 + pick.below(6),
    }),
  )
  for (let client = 0; client < remote; client++)
    if (client === 0 || pick.chance(0.3))
      faults.push({ at: Math.floor(begun * (0.2 + 0.1 * pick.below(6))), client, kind: 'kill', ms: 0 })
  if (restart)
    faults.push({ at: Math.floor(begun * (0.1 + 0.1 * pick.below(8))), client: 0, kind: 'restart', ms: 0 })
  return faults.sort((a, b) => a.at - b.at)
}

/** Makes a fault happen, and ends what does not end by itself. */
export function strike(way: Way, hand: Hand, { kind, ms }: Fault): void {
  switch (kind) {
    case 'kill':
      return hand.kill()
    case 'cut':
    case 'tear':
    case 'duplicate':
      return way[kind]()
    case 'deafen':
      // The calls arrive and take effect; nobody is told.
      way.deafen()
      setTimeout(way.cut, ms)
      return
    case 'stall':
      way.stall()
      setTimeout(way.resume, ms)
      return
    case 'stallAndCut':
      way.stall()
      setTimeout(() => {
        way.cut()
        way.resume()
      }, ms)
      return
    case 'delay':
      way.delay(ms)
      setTimeout(() => way.delay(0), 4 * ms)
  }
}

/** The way is as good as new. */
export function heal(way: Way): void {
  way.resume()
  way.delay(0)
}
