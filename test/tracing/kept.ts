import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { TestContext } from 'node:test'
import type { TracingChannels } from 'zproc'
import { deferred } from '../../src/async/deferred.ts'

type Name = keyof TracingChannels
const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const
type Event = (typeof EVENTS)[number]

export interface Entry<M> {
  event: Event
  message: M
  /** As it was then: a message goes on being written. */
  copy: M
}

/** What a channel publishes until the test ends. */
export class Kept<N extends Name> {
  readonly entries: Entry<TracingChannels[N]>[] = []
  #heard = deferred<void>()

  constructor(t: TestContext, name: N) {
    for (const event of EVENTS) {
      const hear = (data: unknown) => {
        const message = data as TracingChannels[N]
        this.entries.push({ event, message, copy: { ...message } })
        this.#heard.resolve()
        this.#heard = deferred()
      }
      subscribe(`tracing:${name}:${event}`, hear)
      t.after(() => unsubscribe(`tracing:${name}:${event}`, hear))
    }
  }

  /** The events of a message, in order. */
  eventsOf(message: object | undefined): Event[] {
    return this.entries.filter(entry => entry.message === message).map(({ event }) => event)
  }

  /** The messages, in the order of their starts. */
  get messages(): TracingChannels[N][] {
    return this.entries.filter(({ event }) => event === 'start').map(({ message }) => message)
  }

  /** The first message of that event for which `test` holds, also if it is yet to come. */
  async first(event: Event, test: (message: TracingChannels[N]) => boolean): Promise<TracingChannels[N]> {
    for (;;) {
      const found = this.entries.find(entry => entry.event === event && test(entry.message))
      if (found) return found.message
      await this.#heard.promise
    }
  }
}
