import { parentPort, workerData } from 'node:worker_threads'
import { openFolder } from './disk.ts'
import type { Manifest } from './manifest.ts'
import { Rewind } from './rewind.ts'

// The program of the thread that reads old states and commits from disk, so that the server need not.

/** `page` and `when` of Rewind. */
export type ArchiveAsk =
  | [ask: 'page', name: string, first: number, last: number, wantsState: boolean]
  | [ask: 'when', name: string, time: number]
export interface ArchiveMessage {
  id: number
  manifest: Manifest
  ask: ArchiveAsk
}
export interface ArchiveAnswer {
  id: number
  result?: unknown
  error?: string
}

const disk = await openFolder(workerData as string)
let rewind = new Rewind(disk)
let last: Promise<void> = Promise.resolve()

parentPort?.on('message', ({ id, manifest, ask }: ArchiveMessage) => {
  last = last.then(async () => {
    let answer: ArchiveAnswer
    let state: Uint8Array[] = []
    try {
      const result =
        ask[0] === 'page'
          ? await rewind.page(manifest, ask[1], ask[2], ask[3], ask[4])
          : await rewind.when(manifest, ask[1], ask[2])
      answer = { id, result }
      if (typeof result === 'object' && 'state' in result) state = result.state ?? []
    } catch (error) {
      // A cursor that failed is of no more use.
      rewind = new Rewind(disk)
      answer = { id, error: (error as Error).message }
    }
    // Handed over: to copy a large state takes the server long.
    parentPort?.postMessage(
      answer,
      state.map(({ buffer }) => buffer as ArrayBuffer),
    )
  })
})
