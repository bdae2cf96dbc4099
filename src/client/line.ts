import { randomBytes } from 'node:crypto'
import { debug } from '../async/debug.ts'
import { after, cancel, monotonic, nextTick } from '../async/interval.ts'
import { outside } from '../async/outside.ts'
import { withoutPassword } from '../async/shown.ts'
import type { ServerHello, ServerMessage } from '../protocol/messages.ts'
import { connects, isTraced, trace } from '../tracing/channels.ts'
import type { ConnectTrace } from '../tracing/messages.ts'
import { Channel } from '../transport/channel.ts'
import { connect, type Greeted } from '../transport/connect.ts'
import { machine, ownLife } from '../transport/machine.ts'

// All in milliseconds. How long one try to get back may take; and how often it is tried in the background, after
// everybody who waited has been told that nobody answers.
const ONE_TRY = 3000
const LATER_TRIES = 1000

/** How a connection is made. */
export interface LineOptions {
  secretKey: string | undefined
  connectTimeout: number
  /** The server is being started: connect when this resolves. */
  ready: Promise<unknown> | undefined
}

export interface LineEvents {
  frame(messages: ServerMessage[]): void
  /** A session begins: this sends what comes first. What was sent in the one before and is not answered is lost. */
  begun(server: ServerHello): void
  /** The connection is made, and all of that is on its way. `resumed`: a session goes on, nothing was lost. */
  connected(resumed: boolean): void
  /** The connection is gone: it is being made again. */
  lost(error: Error | undefined): void
  /** Nobody answers, so the session is over. */
  failed(error: Error, wasConnected: boolean): void
}

/** Not used yet or given up; being made; there; being made again; not needed any more. */
type Phase = 'down' | 'connecting' | 'up' | 'remaking' | 'closed'

/** The way to a server: a session, over one connection after the other. */
export class Line {
  readonly channel: Channel
  readonly #address: string
  readonly #options: LineOptions
  readonly #events: LineEvents
  #phase: Phase = 'down'
  // What the session is known by; see ClientHello.
  #token = randomBytes(16)
  #attempt = 0
  #server: ServerHello | undefined
  #begun = false
  #dialling = new AbortController()
  #later: NodeJS.Timeout | undefined

  constructor(address: string, options: LineOptions, events: LineEvents) {
    this.#address = address
    this.#options = options
    this.#events = events
    this.channel = new Channel(
      {
        frame: messages => events.frame(messages as ServerMessage[]),
        lost: (error, broken) => this.#lose(error, broken),
      },
      { keeps: true, endOfTurn: nextTick },
    )
  }

  get phase(): Phase {
    return this.#phase
  }

  /** Connects, if nobody does. */
  dial(): void {
    if (this.#phase !== 'down') return
    cancel(this.#later)
    this.#phase = 'connecting'
    this.#connect()
  }

  /** The last message is sent, and the session over. */
  close(leave: () => void): void {
    const { phase } = this
    this.#phase = 'closed'
    cancel(this.#later)
    this.#dialling.abort()
    if (phase !== 'up') return this.channel.forget()
    leave()
    this.channel.end()
  }

  #connect(): void {
    if (!isTraced(connects)) return void outside(() => this.#dial())
    const message: ConnectTrace = {
      serverAddress: withoutPassword(this.#address),
      again: this.#phase === 'remaking',
      resumed: undefined,
    }
    const connecting = trace(connects, message, async () => {
      const failure = await outside(() => this.#dial(message))
      if (failure) throw failure
    })
    connecting.catch(() => {})
  }

  /** Gives the error with which it gave up. `message`: of the channel that hears of it. */
  async #dial(message?: ConnectTrace): Promise<Error | undefined> {
    const { ready, secretKey, connectTimeout } = this.#options
    const again = this.#phase === 'remaking'
    this.#debug(again ? 'connects again' : 'connects')
    // How long the server takes to start is no part of the time to connect. That it failed is said below.
    await ready?.catch(() => {})
    const began = monotonic()
    let left = connectTimeout
    for (;;) {
      try {
        await ready
        const greeted = await connect(
          this.#address,
          secretKey,
          again ? Math.min(left, ONE_TRY) : left,
          this.#hello(),
          this.#dialling.signal,
          connectTimeout,
        )
        const resumed = this.#up(greeted)
        if (message) message.resumed = resumed
        return undefined
      } catch (error) {
        if (this.#phase === 'closed') return undefined
        const away = monotonic() - began
        const hopeless = again ? this.#isGone(error) : !isBusy(error)
        if (hopeless || away >= connectTimeout) {
          this.#giveUp(error as Error, again)
          return error as Error
        }
        await pause(Math.min(backoff(away), connectTimeout - away))
        left = Math.max(1, connectTimeout - (monotonic() - began))
      }
    }
  }

  #hello() {
    const { session = -1, log = '', start = '' } = this.#server ?? {}
    return {
      pid: process.pid,
      life: ownLife(),
      machine: machine(),
      token: this.#token,
      attempt: ++this.#attempt,
      session,
      log,
      start,
      received: this.#begun ? this.channel.received : -1,
    }
  }

  /** Whether a session goes on. */
  #up({ socket, server, read }: Greeted): boolean {
    if (this.#phase === 'closed') {
      socket.destroy()
      return false
    }
    this.#phase = 'up'
    const again = this.#begun
    this.#begun = true
    const resumed = server.resumed && again
    if (!resumed) {
      this.channel.forget()
      this.#events.begun(server)
    }
    this.#server = server
    this.#debug(`session ${server.session} ${resumed ? 'goes on' : 'begins'}, server pid ${server.pid}`)
    this.channel.attach(socket, server.received, read)
    this.#events.connected(resumed)
    return resumed
  }

  #lose(error: Error | undefined, broken: boolean): void {
    if (this.#phase === 'closed') return
    // What makes no sense would not make more the second time.
    if (broken) {
      this.#phase = 'down'
      return this.#giveUp(error as Error, true)
    }
    this.#phase = 'remaking'
    this.#debug(`lost: ${error?.message ?? 'the other end hung up'}`)
    this.#events.lost(error)
    this.#connect()
  }

  #debug(words: string): void {
    debug('connection to %s: %s', withoutPassword(this.#address), words)
  }

  #giveUp(error: Error, again: boolean): void {
    this.#phase = 'down'
    this.#debug(`given up: ${error.message}`)
    this.#begun = false
    this.channel.forget()
    // Some have nothing to ask and still want to know how things are: views, and who listens for events.
    if (this.#server && !this.#isGone(error)) this.#later = after(LATER_TRIES, () => this.dial())?.unref()
    this.#events.failed(error, again)
  }

  /** Whether nobody will ever answer here again: the address was that of one server, and that is gone. */
  #isGone(error: unknown): boolean {
    return this.#server?.home === this.#address && /^(ENOENT|ECONNREFUSED)$/.test(String(causeCode(error)))
  }
}

// A server that has more to greet than it has places in line is not gone.
const isBusy = (error: unknown): boolean => causeCode(error) === 'EAGAIN'

const causeCode = (error: unknown): unknown =>
  ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code

/**
 * How long to wait after `away` milliseconds: at first a tenth of that, then 15 to 30 ms, so that who comes back is
 * found at once, and after ten seconds a three-hundredth. By chance, since others wait as well.
 */
const backoff = (away: number): number =>
  Math.max(2, Math.min(away / 10, Math.max(30, away / 300), LATER_TRIES)) * (0.5 + Math.random() / 2)

const pause = (ms: number): Promise<void> =>
  new Promise(resolve => {
    after(ms, resolve)?.unref()
  })
