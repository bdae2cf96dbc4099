import type { Socket } from 'node:net'
import { debug } from '../async/debug.ts'
import { after, cancel, monotonic, wallClock } from '../async/interval.ts'
import type { Question } from '../async/question.ts'
import type { ContextReport } from '../protocol/context-report.ts'
import type { ReaderDescription, SessionDescription } from '../protocol/description.ts'
import { type ClientHello, type ServerMessage, Tell } from '../protocol/messages.ts'
import type { KeptAnswer } from '../storage/records.ts'
import { Channel, type Read } from '../transport/channel.ts'
import { hasEnded, machine } from '../transport/machine.ts'
import { AnswerDelay } from './answer-delay.ts'
import type { Core, Returning } from './core.ts'
import { type Inspected, Inspection, type Replies } from './inspection.ts'
import { Program } from './program.ts'
import { Service } from './service.ts'

// How soon after a connection was lost the client's process is looked for: milliseconds, then twice as many, up to these.
const FIRST_LOOK = 5
const LATER_LOOKS = 500
// Milliseconds for a client whose session is refused to read why.
const REFUSED = 1000

/** One client's standing with the server. It outlives its connection by the grace time, or until its process ends. */
export class Session implements Inspected {
  readonly number: number
  readonly pid: number
  /** Of the client's tries to connect, the one that succeeded last. */
  attempt: number
  readonly program = new Program(message => this.#channel.send(message))
  readonly #core: Core<Session>
  readonly #channel: Channel
  readonly #service: Service
  readonly #token: string
  readonly #answers: Map<number, KeptAnswer> | undefined
  readonly #life: number
  readonly #here: boolean
  readonly #since = wallClock()
  readonly #delay = new AnswerDelay(() => this.#channel.flush())
  #lost: number | undefined
  #lingering: NodeJS.Timeout | undefined
  #closed = false

  /** `token`: empty when the client does not want to come back. `number`: the one of a session that has ended. */
  constructor(
    core: Core<Session>,
    client: Required<ClientHello>,
    token: string,
    number?: number,
    answers?: Map<number, KeptAnswer>,
  ) {
    this.#core = core
    this.number = number ?? core.nextSession()
    this.attempt = client.attempt
    this.pid = client.pid
    this.#life = client.life
    this.#here = client.machine === machine()
    this.#answers = answers
    this.#token = token || `session ${this.number}`
    core.sessions.set(this.#token, this)
    const keeps = token !== ''
    const events = {
      frame: (value: unknown) => {
        core.turn.hears()
        this.#delay.requested()
        this.#service.take(value)
      },
      heard: (hasAnswers: boolean) => core.turn.heard(this, hasAnswers),
      drain: () => this.#service.drain(),
      lost: (error: Error | undefined, broken: boolean) => {
        if (broken)
          core.operator.client('broken', `ended the connection of process ${this.pid}: ${error?.message}`)
        this.#lost ??= wallClock()
        debug('server: session %d of process %d lost its connection', this.number, this.pid)
        if (broken || !keeps) this.close()
        else if (!this.#closed) this.#linger(monotonic(), FIRST_LOOK)
      },
    }
    this.#channel = new Channel(events, { keeps, gate: core.keeper })
    this.#channel.beforeFlush = () => {
      core.turn.distribute()
      this.#service.turn()
    }
    this.#service = new Service(core, this, this.#channel, answers)
    if (keeps) core.keeper?.session(this.number, client.token)
  }

  /** How many frames have arrived. */
  get received(): number {
    return this.#channel.received
  }

  /** Whether a client that has so many frames can go on. */
  canResume(received: number): boolean {
    return this.#channel.canResume(received)
  }

  /** Goes on over this socket with a client that has so many frames. */
  attach(socket: Socket, received: number, read: Read): void {
    cancel(this.#lingering)
    this.#lost = undefined
    debug('server: session %d of process %d is connected', this.number, this.pid)
    this.#channel.attach(socket, received, read)
  }

  describe(): Omit<SessionDescription, 'session' | 'ephemeral'> {
    const machine = this.#here ? 'local' : (this.#channel.socket?.remoteAddress ?? '')
    return {
      pid: this.pid,
      machine,
      since: this.#since,
      lost: this.#lost ?? null,
      silent: this.question?.silent ?? null,
      ...this.#service.describe(),
    }
  }

  readers(): Omit<ReaderDescription, 'session' | 'pid' | 'name'>[] {
    return this.#service.readers()
  }

  get reportedLast(): ContextReport | undefined {
    return this.program.reportedLast
  }

  get question(): Question<ContextReport> | undefined {
    return this.#lost === undefined ? this.program.question : undefined
  }

  inspect(to: Replies): Inspection {
    return new Inspection(this.#core, this, to)
  }

  updated(): void {
    this.#delay.updated()
  }

  sendUpdates(): void {
    this.#channel.flush()
  }

  sendAnswers(hasUpdates: boolean): void {
    if (hasUpdates && this.#channel.hasRoom() && this.#delay.begin()) this.#channel.postpone()
    else this.#channel.flush()
  }

  awaiting(received: number): void {
    // What it awaits may be on its way to it already.
    if (received === this.#channel.made) this.#delay.awaiting()
  }

  /** Ends it for good. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    debug('server: session %d of process %d is over', this.number, this.pid)
    cancel(this.#lingering)
    this.#delay.end()
    this.program.over()
    this.#core.sessions.delete(this.#token)
    this.#service.close()
    this.#core.keeper?.ended(this.number)
    this.#channel.end()
  }

  /** Ends it against the client's will, which is told why. */
  refuse(why: string): void {
    if (this.#closed) return
    this.#core.operator.client('ahead', `ended the session of process ${this.pid}: ${why}`)
    const { socket } = this.#channel
    this.#channel.send([Tell.ended, why] satisfies ServerMessage)
    this.close()
    // It may not read, and never hear of it.
    after(REFUSED, () => socket?.destroy())?.unref()
  }

  /** Gives the session up for another object, here or in the next server, that goes on with it. */
  leaveOpen(): Returning {
    const { socket } = this.#channel
    this.#channel.flush()
    this.#closed = true
    cancel(this.#lingering)
    this.#delay.end()
    this.#core.sessions.delete(this.#token)
    socket?.destroySoon()
    return { number: this.number, answers: this.#answers ?? new Map() }
  }

  /** Ends it, its connection at once. */
  end(): void {
    const { socket } = this.#channel
    this.close()
    socket?.destroy()
  }

  // Nobody comes back from a process that has ended. Whether it has can be seen on this machine only.
  #linger(lost: number, wait: number): void {
    const left = this.#core.limits.graceTime - (monotonic() - lost)
    if (left <= 0 || (this.#here && hasEnded(this.#life))) return this.close()
    const next = this.#here ? Math.min(wait, left) : left
    this.#lingering = after(next, () => this.#linger(lost, Math.min(wait * 2, LATER_LOOKS)))?.unref()
  }
}
