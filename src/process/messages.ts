import { EventEmitter } from 'node:events'
import { nextTick } from '../async/interval.ts'
import type { Line } from '../lifeline/line.ts'

/**
 * Gives the target Node's own words for a channel to its parent: `process.send`, the event 'message', `process.disconnect`.
 * What they carry goes to `p.messages()` and comes from `p.send()`; zproc's own messages are never among it. Returns the
 * function that takes what arrives.
 */
export function offerMessages(line: Line<unknown, never>): (message: unknown) => void {
  const waiting: unknown[] = []
  const talk = new Talk(line)
  // Messages that come before somebody listens are kept, as Node does.
  const onListener = (event: string | symbol) => {
    if (event !== 'message') return
    process.off('newListener', onListener)
    nextTick(() => {
      for (const message of waiting.splice(0)) talk.receive(message)
      isHeard = true
    })
  }
  let isHeard = false
  process.on('newListener', onListener)
  return message => {
    if (isHeard) talk.receive(message)
    else waiting.push(message)
  }
}

const emitError = (error: Error) => EventEmitter.prototype.emit.call(process, 'error', error)

type Done = (error: Error | null) => void

class Talk {
  readonly #line: Line<unknown, never>
  #connected = true

  constructor(line: Line<unknown, never>) {
    this.#line = line
    Object.defineProperties(process, {
      send: { value: this.#send, configurable: true, writable: true, enumerable: true },
      disconnect: { value: this.#disconnect, configurable: true, writable: true, enumerable: true },
      connected: { get: () => this.#connected, configurable: true, enumerable: true },
    })
  }

  receive(message: unknown): void {
    if (this.#connected) process.emit('message', message, undefined)
  }

  /** As `process.send` of a forked process: `send(message, handle?, options?, callback?)`. */
  readonly #send = (message: unknown, ...rest: unknown[]): boolean => {
    const done = rest.find((one): one is Done => typeof one === 'function')
    if (message === undefined) throw new TypeError('process.send: the message must not be undefined')
    if (typeof rest[0] === 'object' && rest[0] !== null)
      throw new TypeError('process.send: no handle can be sent to the parent of a zproc process')
    if (!this.#connected) {
      this.#closed('process.send: the channel is closed', 'ERR_IPC_CHANNEL_CLOSED', done)
      return false
    }
    this.#line.sendUsers(message, done && (() => done(null)))
    return true
  }

  readonly #disconnect = (): void => {
    if (!this.#connected)
      return this.#closed('process.disconnect: the channel is closed', 'ERR_IPC_DISCONNECTED')
    this.#connected = false
    nextTick(() => process.emit('disconnect'))
  }

  #closed(message: string, code: string, done?: Done): void {
    const error = Object.assign(new Error(message), { code })
    nextTick(() => {
      if (done) done(error)
      else emitError(error)
    })
  }
}
