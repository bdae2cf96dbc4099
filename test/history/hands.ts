import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { watchOver } from '../../src/lifeline/guard.ts'
import { type Place, type Progress, runClient } from './client.ts'
import type { Entry, Recorder } from './records.ts'
import type { Workload } from './workload.ts'

/** Somewhere that a client can run. */
export interface Hand {
  run(workload: Workload, place: Place, record: Recorder, progress: Progress): Promise<void>
  /** Ends it at once, whatever it is doing. What it was running counts as over. */
  kill(): void
}

/** This process: its clients cannot be killed, and end when the history is over. */
export const here: Hand = { run: runClient, kill: () => {} }

/** What a process is told, and what it says, a line each. */
export interface Job {
  workload: Workload
  place: Place
}
export type Said = 'ready' | 'called' | 'ended' | { failed: string } | { entry: Entry }

/** Ends each line that is whole. */
export const END = ';'

/** Processes for clients: who is not killed is used again. */
export class Hands {
  readonly #idle: Hand[] = []
  readonly #leave: (() => Promise<unknown>)[] = []

  /** One that has nothing to do and is ready to begin. */
  async hire(): Promise<Hand> {
    return this.#idle.pop() ?? (await this.#start())
  }

  async close(): Promise<void> {
    await Promise.all(this.#leave.map(leave => leave()))
  }

  async #start(): Promise<Hand> {
    const entry = fileURLToPath(new URL('./hand.ts', import.meta.url))
    const child = spawn(process.execPath, ['--import', 'tsx', entry], { stdio: ['pipe', 'pipe', 'inherit'] })
    child.once('exit', watchOver(child.pid as number, 'first'))
    child.stdin.on('error', () => {})
    const closed = once(child, 'close')
    this.#leave.push(() => {
      child.kill('SIGKILL')
      return closed
    })
    let hear = (_: Said) => {}
    createInterface({ input: child.stdout }).on('line', line => {
      // The last line of who was killed may be half of one.
      if (line.endsWith(END)) hear(JSON.parse(line.slice(0, -END.length)) as Said)
    })
    const hand: Hand = {
      kill: () => void child.kill('SIGKILL'),
      run: (workload, place, record, { called }) =>
        new Promise((resolve, reject) => {
          const gone = ([code, signal]: unknown[]) => {
            called()
            if (child.killed) resolve()
            else reject(new Error(`a client's process ended by itself: ${String(code)} ${String(signal)}`))
          }
          void closed.then(gone)
          hear = said => {
            if (said === 'called') called()
            else if (said === 'ended') {
              this.#idle.push(hand)
              resolve()
            } else if (typeof said === 'object' && 'entry' in said) record(said.entry)
            else if (typeof said === 'object') reject(new Error(`in a client's process: ${said.failed}`))
          }
          child.stdin.write(`${JSON.stringify({ workload, place } satisfies Job)}\n`)
        }),
    }
    await new Promise<void>((resolve, reject) => {
      hear = said => said === 'ready' && resolve()
      void closed.then(() => reject(new Error("a client's process did not start")))
    })
    return hand
  }
}
