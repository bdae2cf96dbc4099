import { sleep, wallClock } from '../../async/interval.ts'
import { ConnectionError } from '../../errors.ts'
import type { RedisAddress } from './address.ts'
import { Client, type Library, loadLibrary } from './client.ts'
import { explain, PASSING } from './errors.ts'
import { loaded, type Script } from './scripts.ts'

// Milliseconds for replicas to have a commit.
const REPLICATED = 2000

/** A process's way to one Redis: scripts, plain commands, and what is to be known of the server. */
export class RedisConnection {
  readonly address: RedisAddress
  /** The pid of the server, of one of them in a cluster. */
  pid = 0
  /** How often something was asked again: it may have come behind what was asked after it. */
  repeated = 0
  #library: Library | undefined
  #client: Client | undefined
  readonly #others = new Set<Client>()
  readonly #wanted: () => boolean

  readonly #name: string
  readonly #changed: (isThere: boolean) => void
  /** Whether the connection for commands is there. */
  isThere = false

  /** `changed` is called when that connection is lost, and when it is there again. */
  constructor(
    address: RedisAddress,
    name: string,
    wanted: () => boolean,
    changed: (isThere: boolean) => void,
  ) {
    this.address = address
    this.#name = name
    this.#wanted = wanted
    this.#changed = changed
  }

  async connect(): Promise<void> {
    this.#library = await loadLibrary(this.address.shown)
    const owner = { wanted: this.#wanted, name: this.#name }
    const client = new Client(this.#library, this.address, owner, false)
    this.#client = client
    try {
      await client.connect()
      for (const node of client.nodes()) this.#inspect(await node.info())
      await load(client)
    } catch (error) {
      client.destroy()
      throw error
    }
    this.isThere = true
    const set = (isThere: boolean) => {
      if (this.isThere === isThere) return
      this.isThere = isThere
      this.#changed(isThere)
    }
    client.raw.on('close', () => set(false))
    client.raw.on('ready', () => set(true))
  }

  /** All nodes that hold data. */
  nodes(): ReturnType<Client['nodes']> {
    return this.#client?.nodes() ?? []
  }

  /** Makes the connection again, if it is given up. */
  makeAgain(): void {
    this.#client?.makeAgain()
  }

  /** Another connection, for commands that block. */
  async another(): Promise<Client> {
    const owner = { wanted: this.#wanted, name: this.#name }
    const client = new Client(this.#library as Library, this.address, owner, true)
    this.#others.add(client)
    try {
      await client.connect()
    } catch (error) {
      this.leave(client)
      throw error
    }
    return client
  }

  /** Ends a connection of these that is of no use any more. */
  leave(client: Client): void {
    this.#others.delete(client)
    client.destroy()
  }

  /** Runs a script on the namespace with this log. */
  run(script: Script, log: string, args: (string | number | Buffer)[], call: string): Promise<unknown> {
    const attempt = (client: Client) => client.call('evalsha', script.sha, 1, log, ...args)
    return this.#patiently(call, 'none', attempt, script, log)
  }

  /** The same, of which all is in `bytes`. `outcome`: what a lost connection means for whoever called. */
  send(
    script: Script,
    log: string,
    bytes: Buffer,
    call: string,
    outcome: 'none' | 'unknown',
  ): Promise<unknown> {
    const attempt = (client: Client) => client.send('evalsha', [script.sha, '1', log], bytes)
    return this.#patiently(call, outcome, attempt, script, log)
  }

  call(call: string, command: string, ...args: (string | number | Buffer)[]): Promise<unknown> {
    return this.#patiently(call, 'none', client => client.call(command, ...args))
  }

  /** Resolves when the replicas that `minReplicas` asks for have what was just written to this namespace. */
  async replicated(log: string, call: string): Promise<void> {
    const { settings, shown } = this.address
    if (settings.minReplicas === 0) return
    const client = this.#client as Client
    // In a pipeline, so that it is asked where the log is.
    const ms = Math.min(REPLICATED, settings.connectTimeout)
    const replies = await client.raw
      .pipeline([
        ['exists', log],
        ['wait', settings.minReplicas, ms],
      ])
      .exec()
      .catch((error: Error) => [[null, 0], [error]] as [Error | null, unknown?][])
    const [error, count] = replies?.[1] ?? []
    if (error)
      throw new ConnectionError(
        `${call}: it was done, but the connection to ${shown} was lost before replicas had it: ${error.message}`,
        { cause: error, outcome: 'unknown' },
      )
    if (Number(count) < settings.minReplicas)
      throw new ConnectionError(
        `${call}: it was done, but only ${String(count)} replicas of ${shown} had it within ${ms} ms, ` +
          `not ${settings.minReplicas} (minReplicas): it may be lost if the master is`,
        { outcome: 'unknown' },
      )
  }

  end(): void {
    this.#client?.end()
    for (const other of this.#others) other.destroy()
  }

  #patiently<T>(
    call: string,
    outcome: 'none' | 'unknown',
    attempt: (client: Client) => Promise<T>,
    script?: Script,
    log = '',
  ): Promise<T> {
    return attempt(this.#client as Client).catch(error =>
      this.#again(error as Error, call, outcome, attempt, script, log),
    )
  }

  async #again<T>(
    failed: Error,
    call: string,
    outcome: 'none' | 'unknown',
    attempt: (client: Client) => Promise<T>,
    script: Script | undefined,
    log: string,
  ): Promise<T> {
    const client = this.#client as Client
    const until = wallClock() + this.address.settings.connectTimeout
    for (let error = failed; ; ) {
      const isUnknown = error.message.startsWith('NOSCRIPT')
      if (!(isUnknown || PASSING.test(error.message)) || wallClock() > until)
        throw explain(error, this.address, outcome, call)
      this.repeated++
      // With one script it lacks all: else a reading that is repeated would come behind a write that is not.
      if (isUnknown) load(client).catch(() => {})
      else await sleep(20)
      try {
        // It was never loaded, or the server is another one now. Without arguments it does nothing.
        if (script && isUnknown) await client.call('eval', script.source, 1, log)
        return await attempt(client)
      } catch (next) {
        error = next as Error
      }
    }
  }

  #inspect(info: string): void {
    const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
    const { shown } = this.address
    this.pid = Number(field('process_id'))
    const version = Number.parseInt(field('redis_version'), 10)
    if (version < 7)
      throw new ConnectionError(
        `${shown} is Redis ${field('redis_version')}: zproc needs 7 or newer, or Valkey`,
      )
    const policy = field('maxmemory_policy')
    if (policy !== '' && policy !== 'noeviction')
      throw new ConnectionError(
        `${shown} has maxmemory-policy ${policy}: when its memory is full it would throw parts of states away. ` +
          'Set it with CONFIG SET maxmemory-policy noeviction',
      )
  }
}

const load = (client: Client): Promise<unknown> =>
  Promise.all(client.nodes().flatMap(node => loaded.map(({ source }) => node.script('LOAD', source))))
