import { spawn } from 'node:child_process'
import { after, cancel, holdOpen, monotonic, sleep, type Timer } from '../async/interval.ts'
import { ConnectionError } from '../errors.ts'
import { type ServerOptions, type ServerSettings, serverSettings } from '../server/options.ts'
import type { Server } from '../server/start.ts'
import { serveHelp } from './help.ts'
import { type MetricsPlace, metricsPlace, serveMetrics } from './metrics.ts'
import { options } from './options.ts'
import { keyFrom, parse, wholeNumber, wrong } from './parse.ts'
import { onSignals } from './signals.ts'

// Milliseconds before a server that ended by itself is started again: at first; twice as many each time, up to these; and
// how long one must have run to count as the first again.
const FIRST = 100
const LONGEST = 10_000
const SETTLED = 10_000

/** `zproc serve`: a server until it is told to end. Gives the exit code. */
export async function serve(args: string[]): Promise<number> {
  const { values, positionals } = parse('serve', args, options.serve)
  if (values.help) {
    console.log(serveHelp)
    return 0
  }
  const [given, ...others] = positionals
  if (given === undefined) throw wrong('serve', 'the address is missing')
  if (others.length > 0) throw wrong('serve', `one address is enough, got '${others[0]}' as well`)
  const place = placeOf(values)
  const server = await import('../server/start.ts')
  const { namedAddress } = await import('../context/join.ts')
  let settings: ServerSettings
  let address: string
  try {
    address = given.includes('://') ? given : namedAddress(given, { project: values.project }, 'the address')
    settings = serverSettings(serverOptions(values), 'zproc serve')
  } catch (error) {
    throw wrong('serve', (error as Error).message)
  }
  const report = new Report(values.json === true)
  const picked = values.restart ? false : undefined
  const start = (at: string) => server.serve(at, settings, { say: line => report.line(line), picked })
  const supervisor = new Supervisor(start, report, values.restart === true)
  if (!place) return supervisor.run(address)
  const metrics = await serveMetrics(place, () => supervisor.metrics())
  report.event('metrics', `metrics at ${metrics.url}`, { url: metrics.url })
  try {
    return await supervisor.run(address)
  } finally {
    metrics.close()
  }
}

type Values = ReturnType<typeof parse<typeof options.serve>>['values']

function placeOf({ metrics, 'metrics-token-file': file }: Values): MetricsPlace | undefined {
  if (metrics !== undefined) return metricsPlace('serve', metrics, file)
  if (file !== undefined) throw wrong('serve', '--metrics-token-file needs --metrics')
  return undefined
}

function serverOptions(values: Values): ServerOptions {
  const bound = (name: 'revisions' | 'bytes' | 'time') => {
    const given = values[`keep-${name}`]
    return given === undefined ? {} : { [name]: wholeNumber('serve', `keep-${name}`, given, 1) }
  }
  const keep = { ...bound('revisions'), ...bound('bytes'), ...bound('time') }
  const { durability } = values
  const secretKey = keyFrom('serve', values['key-file'])
  return {
    backend: 'process',
    ...(values.data !== undefined && { data: values.data }),
    ...(Object.keys(keep).length > 0 && { keep }),
    ...(durability !== undefined && { durability: durabilityOf(durability) }),
    ...(secretKey !== undefined && { secretKey }),
    ...(values.insecure && { insecure: true }),
  }
}

function durabilityOf(given: string): NonNullable<ServerOptions['durability']> {
  if (given === 'commit' || given === 'none') return given
  if (/^\d+$/.test(given)) return { interval: wholeNumber('serve', 'durability', given, 1) }
  throw wrong('serve', `--durability must be commit, none or a number of milliseconds, got '${given}'`)
}

/** What happens, on stderr: a line each, or a JSON object each. */
class Report {
  readonly #isJson: boolean

  constructor(isJson: boolean) {
    this.#isJson = isJson
  }

  event(event: string, words: string, details: object = {}): void {
    if (this.#isJson) this.#json({ event, ...details, message: words })
    else console.error(`zproc serve: ${words}`)
  }

  /** A line of the server's own. */
  line(line: string): void {
    if (this.#isJson) this.#json({ event: 'log', message: line })
    else console.error(line)
  }

  #json(said: object): void {
    console.error(JSON.stringify({ time: new Date().toISOString(), ...said }))
  }
}

/** Keeps a server running. */
class Supervisor {
  readonly #start: (address: string) => Promise<Server>
  readonly #report: Report
  readonly #restarts: boolean
  #server: Server | undefined
  #asked: NodeJS.Signals | undefined
  #wake = () => {}
  #alive: Timer | undefined

  constructor(start: (address: string) => Promise<Server>, report: Report, restarts: boolean) {
    this.#start = start
    this.#report = report
    this.#restarts = restarts
  }

  /** What the server that runs at present says of itself. */
  async metrics(): Promise<string> {
    if (!this.#server) throw new ConnectionError('the server does not run yet')
    return this.#server.metrics()
  }

  /** Resolves when it is over, with the exit code. */
  async run(address: string): Promise<number> {
    this.#alive = holdOpen()
    onSignals(signal => this.#stop(signal))
    let pause = FIRST
    let at = address
    for (;;) {
      const began = monotonic()
      const failed = await this.#once(at)
      if (this.#asked) break
      if (!this.#restarts) return 1
      if (!failed && monotonic() - began >= SETTLED) pause = FIRST
      this.#report.event('restarting', `it is started again in ${pause} ms`, { pause })
      await Promise.race([sleep(pause), new Promise<void>(resolve => (this.#wake = resolve))])
      pause = Math.min(pause * 2, LONGEST)
      at = this.#server?.address ?? at
      if (this.#asked) break
    }
    this.#report.event('stopped', `stopped by ${this.#asked}`, { signal: this.#asked })
    cancel(this.#alive)
    return 0
  }

  /** A server's life. True: it could not be started. */
  async #once(address: string): Promise<boolean> {
    try {
      this.#server = await this.#start(address)
    } catch (error) {
      // What cannot be started at first is called wrongly, or in the way of another.
      if (!this.#server || !this.#restarts || this.#asked) throw error
      this.#report.event('failed', (error as Error).message)
      return true
    }
    const { pid } = this.#server
    this.#report.event('listening', `listening at ${this.#server.address} (pid ${pid})`, {
      address: this.#server.address,
      pid,
    })
    this.#notify('READY=1')
    if (this.#asked) void this.#server.stop()
    const { code, signal } = await this.#server.exited
    if (!this.#asked)
      this.#report.event('ended', `the server ended: ${signal ?? `exit code ${code}`}`, { code, signal })
    return false
  }

  #stop(signal: NodeJS.Signals): void {
    if (this.#asked) return
    this.#asked = signal
    this.#notify('STOPPING=1')
    this.#wake()
    void this.#server?.stop()
  }

  /** Tells systemd. Node has no datagram sockets of this kind: the system's own tool sends it. */
  #notify(state: string): void {
    if (!process.env.NOTIFY_SOCKET) return
    const tool = spawn('systemd-notify', [`--pid=${process.pid}`, state], { stdio: 'ignore' })
    tool.on('error', error => this.#report.event('notify', `systemd-notify cannot be run: ${error.message}`))
    after(5000, () => tool.kill())?.unref()
  }
}
