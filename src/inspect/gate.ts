import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** Why a request is refused: the status, and words for the page. */
export class Refused extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** What every answer carries. The page runs what it was served, and nothing else runs or frames it. */
export const HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
} as const

/** Decides who may ask what. */
export class Gate {
  readonly #token = randomBytes(32).toString('base64url')
  #hosts: ReadonlySet<string> = new Set()
  #once: string | undefined

  /** The port is known once the server listens. */
  listensAt(port: number): void {
    this.#hosts = new Set([`127.0.0.1:${port}`, `localhost:${port}`])
  }

  /** The secret, for the URL that is printed. */
  get token(): string {
    return this.#token
  }

  /**
   * A secret that is taken once, for the URL that a browser is started with: other users of the machine can read the command
   * line of a program.
   */
  once(): string {
    this.#once = randomBytes(32).toString('base64url')
    return this.#once
  }

  /**
   * Every request: whose name leads here is answered only by the names of this machine, so a page elsewhere whose name was made
   * to lead here (DNS rebinding) is not; and no page of another origin is.
   */
  checkOrigin({ host, origin, 'sec-fetch-site': site }: IncomingHttpHeaders, isPage: boolean): void {
    if (host === undefined || !this.#hosts.has(host))
      throw new Refused(421, 'this is served at 127.0.0.1 alone, and the request names another host')
    if (origin !== undefined && origin !== `http://${host}`)
      throw new Refused(403, 'the request comes from a page of another origin')
    // A link on another page may lead to the page, which has no data of its own.
    if (!isPage && site !== undefined && site !== 'same-origin' && site !== 'none')
      throw new Refused(403, 'the request comes from a page of another site')
  }

  /** Every request for data: it carries the token. No cookie: another server on this machine would be sent it as well. */
  checkToken({ authorization = '' }: IncomingHttpHeaders): void {
    if (!isSame(authorization, `Bearer ${this.#token}`))
      throw new Refused(401, 'the token is missing or wrong: open the URL that the command has printed')
  }

  /** Takes the secret that is good for once. */
  enter({ authorization = '' }: IncomingHttpHeaders): string {
    if (this.#once === undefined || !isSame(authorization, `Once ${this.#once}`))
      throw new Refused(401, 'this link was used already: open the URL that the command has printed')
    this.#once = undefined
    return this.#token
  }
}

/** In a time that does not tell how much of it is right. */
function isSame(given: string, right: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}
