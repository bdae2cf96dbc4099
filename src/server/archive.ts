import type { Worker } from 'node:worker_threads'
import { type Deferred, deferred } from '../async/deferred.ts'
import { ownModule } from '../async/home.ts'
import { after, cancel, type Timer } from '../async/interval.ts'
import { StorageError } from '../errors.ts'
import { startThread } from '../lifeline/thread.ts'
import type { ArchiveAnswer, ArchiveAsk, ArchiveMessage } from '../storage/archive.ts'
import type { ManifestOwner } from '../storage/manifest-owner.ts'
import type { NotKept, Page } from '../storage/rewind.ts'
import { notKept } from '../store/not-kept.ts'

// Milliseconds after which the thread ends when nothing is asked of it.
const IDLE = 10_000

// What bounds the log on disk.
const SETTINGS = 'keep, historyLimit, historyBytes of the server'

const entry = ownModule('storage/archive')

/** What of the namespaces' logs is on disk only, read by a thread of its own. */
export class Archive {
  readonly #path: string
  readonly #manifest: ManifestOwner
  readonly #flushed: () => Promise<void>
  readonly #asked = new Map<number, Deferred<unknown>>()
  #worker: Worker | undefined
  #idle: Timer | undefined
  #ids = 0
  #ended = false

  /** `flushed` resolves when all that was committed up to now is in the files. */
  constructor(path: string, manifest: ManifestOwner, flushed: () => Promise<void>) {
    this.#path = path
    this.#manifest = manifest
    this.#flushed = flushed
  }

  /** See Rewind. Rejects with MissedUpdatesError when it is not kept. */
  async page(name: string, first: number, last: number, wantsState: boolean): Promise<Page> {
    const page = await this.#ask<Page>(['page', name, first, last, wantsState])
    if ('oldest' in page) throw notKept(first, page.oldest, SETTINGS)
    return page
  }

  /** See Rewind. Rejects with MissedUpdatesError when it is not kept. */
  async when(name: string, time: number): Promise<number> {
    const found = await this.#ask<number>(['when', name, time])
    if (typeof found !== 'number') throw notKept(1, found.oldest, SETTINGS)
    return found
  }

  async end(): Promise<void> {
    this.#ended = true
    cancel(this.#idle)
    await this.#worker?.terminate()
  }

  async #ask<T>(ask: ArchiveAsk): Promise<T | NotKept> {
    for (;;) {
      await this.#flushed()
      const manifest = this.#manifest.now
      try {
        return await this.#once<T>({ id: ++this.#ids, manifest, ask })
      } catch (error) {
        // What was trimmed while it was read is missing for that reason alone.
        if (this.#manifest.now === manifest || this.#ended) throw error
      }
    }
  }

  #once<T>(message: ArchiveMessage): Promise<T | NotKept> {
    if (this.#ended) return Promise.reject(new StorageError(`the log in ${this.#path} was closed`))
    const answer = deferred<T | NotKept>()
    cancel(this.#idle)
    try {
      this.#worker ??= this.#start()
    } catch (error) {
      return Promise.reject(this.#unreadable((error as Error).message))
    }
    this.#asked.set(message.id, answer as Deferred<unknown>)
    this.#worker.postMessage(message)
    return answer.promise
  }

  #unreadable(why: string): StorageError {
    return new StorageError(`old revisions in ${this.#path} cannot be read: ${why}`)
  }

  #start(): Worker {
    const worker = startThread(entry, { workerData: this.#path })
    worker.unref()
    worker.on('message', ({ id, result, error }: ArchiveAnswer) => {
      const asked = this.#asked.get(id)
      this.#asked.delete(id)
      if (error === undefined) asked?.resolve(result)
      else asked?.reject(new StorageError(error))
      if (this.#asked.size > 0) return
      this.#idle = after(IDLE, () => {
        this.#worker = undefined
        void worker.terminate()
      })?.unref()
    })
    let why = 'its thread ended'
    worker.on('error', error => {
      why = error.message
    })
    worker.once('exit', () => {
      if (this.#worker !== worker) return
      this.#worker = undefined
      const error = this.#unreadable(why)
      for (const asked of this.#asked.values()) asked.reject(error)
      this.#asked.clear()
    })
    return worker
  }
}
