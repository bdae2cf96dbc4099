import { sleep } from '../async/interval.ts'
import { askProcess, type Process } from './process.ts'

// Milliseconds in which a child says how it is. The server waits for a while longer.
const PATIENCE = 100

/** Resolves when all of them have said how they are, or have had the time that they get. */
export const askAll = (processes: readonly Process[]): Promise<unknown> =>
  Promise.race([Promise.all(processes.map(askProcess)), sleep(PATIENCE, { ref: false })])
