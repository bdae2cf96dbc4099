import { BlockList, isIP } from 'node:net'
import type { Transport } from './transport.ts'

/** `tcp://<host>:<port>`; `*` stands for "every interface" as a host, "any port" as a port. */
export const tcp: Transport<{ host: string; port: number }> = {
  form: '"tcp://<host>:<port>" (port 0 or * picks one)',
  parse(address, call) {
    const found = /^tcp:\/\/(\[[^\]]+\]|[^:/]+):(\d+|\*)$/.exec(address)
    if (!found) throw new TypeError(`${call}: "${address}" is not an address; use ${tcp.form}`)
    const host = found[1] === '*' ? '0.0.0.0' : (found[1] as string).replace(/^\[|\]$/g, '')
    const port = found[2] === '*' ? 0 : Number(found[2])
    if (port > 65535) throw new RangeError(`${call}: port ${port} in "${address}" is above 65535`)
    return {
      address,
      where: { host, port },
      isLocal: isLoopback(host),
      endsWithPeer: false,
      isRandom: false,
      picks: port === 0,
      bound: at => format(at.address, at.port),
    }
  },
}

const format = (host: string, port: number): string =>
  `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Whether a host, a name or an address, is this machine as only it can reach itself. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true
  // A name may begin with "127." and be anywhere.
  const version = isIP(host)
  return version !== 0 && loopback.check(host, version === 4 ? 'ipv4' : 'ipv6')
}
