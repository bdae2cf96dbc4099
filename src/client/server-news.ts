import { after, cancel, monotonic, sleep } from '../async/interval.ts'
import { ConnectionError, TimeoutError } from '../errors.ts'
import type { ServerDescription } from '../protocol/description.ts'
import { hangs } from '../protocol/hung.ts'
import type { DescriptionEvents, DescriptionWatch, Store } from '../store/store.ts'
import { describeServer, hungAt } from './describe-server.ts'
import { duration } from './duration.ts'
import { useStore } from './use-store.ts'

// Milliseconds beyond the time between two descriptions after which a server is silent: it waits for programs for a while. And from
// one look at a server that is silent to the next.
const PATIENCE = 1500
const AGAIN = 1000
// Items of each list.
const LIMIT = 100

/** What is heard of a server: what it says of itself; in words, that it does not answer; or that nobody is there. */
export type ServerNews =
  | { description: ServerDescription; silent?: never; lost?: never }
  | { silent: string; description?: never; lost?: never }
  | { lost: ConnectionError; description?: never; silent?: never }

export interface NewsOptions {
  secretKey: string | undefined
  /** Milliseconds from one description to the next. */
  ms: number
  limit?: number
  /** Aborted, it ends. */
  signal?: AbortSignal
}

/**
 * What the server at `home` says of itself, again and again, by a watch; of what comes while the caller is busy, the newest. While it
 * says nothing, that. Throws what `describeServer` does for a server that has never answered, unless it is silent. A Redis is asked
 * each time.
 */
export async function* serverNews(
  home: string,
  { secretKey, ms, limit = LIMIT, signal }: NewsOptions,
): AsyncGenerator<ServerNews, void> {
  const store = useStore(home, { secretKey })
  try {
    if (!store.watchDescriptions) return yield* asked(home, ms, { secretKey, limit }, signal)
    const news = new Newest(home, store, { ms, limit })
    const stop = () => news.end()
    signal?.addEventListener('abort', stop)
    try {
      while (!signal?.aborted) {
        const next = await news.next()
        if (!next) return
        yield next
      }
    } finally {
      signal?.removeEventListener('abort', stop)
      news.end()
    }
  } finally {
    void store.release()
  }
}

/** That a server does not answer, and in what it hangs where that can be seen. `since`: when it answered last, or was asked, by `monotonic`. */
export function silence(home: string, since: number, pid?: number): string {
  const hung = hungAt(home)
  if (hung) return `the server at ${home} (pid ${hung.server}) ${hangs(hung)}`
  const named = pid === undefined ? home : `${home} (pid ${pid})`
  return `the server at ${named} has not answered for ${duration(monotonic() - since)}: its process is gone, stopped or busy, or the network loses what is sent`
}

async function* asked(
  home: string,
  ms: number,
  options: { secretKey: string | undefined; limit: number },
  signal: AbortSignal | undefined,
): AsyncGenerator<ServerNews, void> {
  let since = monotonic()
  let wasHeard = false
  while (!signal?.aborted) {
    try {
      yield { description: await describeServer(home, options) }
      since = monotonic()
      wasHeard = true
    } catch (error) {
      if (error instanceof TimeoutError) yield { silent: silence(home, since) }
      else if (error instanceof ConnectionError && wasHeard) yield { lost: error }
      else throw error
    }
    await sleep(ms, { ref: signal === undefined })
  }
}

/** The newest of what a watch brings. */
class Newest implements DescriptionEvents {
  readonly #home: string
  readonly #patience: number
  readonly #begin: () => () => void
  #callOff: () => void
  #news: ServerNews | undefined
  #failure: Error | undefined
  #since = monotonic()
  #pid: number | undefined
  #timer: NodeJS.Timeout | undefined
  #wake = () => {}
  #isOver = false

  constructor(home: string, store: Store, watch: DescriptionWatch) {
    this.#home = home
    this.#patience = watch.ms + PATIENCE
    this.#begin = () => store.watchDescriptions?.(watch, this) ?? (() => {})
    this.#callOff = this.#begin()
    this.#listen(this.#patience)
  }

  /** undefined: there will be none. */
  async next(): Promise<ServerNews | undefined> {
    while (!this.#news && !this.#isOver) {
      if (this.#failure) throw this.#failure
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    const news = this.#news
    this.#news = undefined
    return news
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#callOff()
    this.#wake()
    cancel(this.#timer)
  }

  described(description: ServerDescription): void {
    this.#since = monotonic()
    this.#pid = description.server.pid
    this.#listen(this.#patience)
    this.#tell({ description })
  }

  failed(error: Error): void {
    // A server that takes connections and does not greet is silent. One that has never greeted is not looked for again by itself.
    if (isUngreeted(error)) {
      if (this.#pid !== undefined) return
      this.#callOff()
      this.#callOff = this.#begin()
      return
    }
    cancel(this.#timer)
    if (this.#pid !== undefined && error instanceof ConnectionError) return this.#tell({ lost: error })
    this.#failure = error
    this.#wake()
  }

  #listen(ms: number): void {
    cancel(this.#timer)
    this.#timer = after(ms, () => {
      this.#tell({ silent: silence(this.#home, this.#since, this.#pid) })
      this.#listen(AGAIN)
    })
  }

  #tell(news: ServerNews): void {
    this.#news = news
    this.#wake()
  }
}

const isUngreeted = (error: Error): boolean =>
  error instanceof TimeoutError || error.cause instanceof TimeoutError
