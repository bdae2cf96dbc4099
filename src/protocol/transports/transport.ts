import type { AddressInfo } from 'node:net'

type Where = { path: string } | { host: string; port: number }

/** Where a server listens, and all in which transports differ. */
export interface Endpoint<W extends Where = Where> {
  /** Its address, the same in every directory. */
  address: string
  /** What `node:net` connects to, and listens at. */
  where: W
  /** The file of the socket: what is beside it is its lock and its note. Undefined: there is none. */
  file?: string | undefined
  /** Nobody outside this machine can reach it. */
  isLocal: boolean
  /** The connection ends when the peer does: nobody has to ask whether it is still there. */
  endsWithPeer: boolean
  /** It was picked for one server: no other will be there. */
  isRandom: boolean
  /** The system picks one when a server listens there. */
  picks: boolean
  /** The address of a server that listens there, where that may be another one. */
  bound?(at: AddressInfo): string
}

/** A way of sockets between processes: what the addresses of a scheme stand for. */
export interface Transport<W extends Where = Where> {
  /** As messages show it. */
  form: string
  /** Throws TypeError or RangeError for what is no such address. */
  parse(address: string, call: string): Endpoint<W>
}
