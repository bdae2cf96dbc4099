import { askAll } from '../async/question.ts'
import type { OutputReport } from '../protocol/context-report.ts'
import { idOf, outputOf, type Process, pulseOf } from './process.ts'

// Milliseconds in which a child says how it is. The server waits for a while longer.
const PATIENCE = 100

/** Resolves when all of them that run have said how they are, or have had the time that they get. */
export const askChildren = async (processes: readonly Process[]): Promise<void> =>
  askAll(
    processes.flatMap(process => pulseOf(process) ?? []),
    PATIENCE,
  )

/** Ends the one with this number. Whether it is among them. */
export function endChild(processes: readonly Process[], id: number): boolean {
  const found = processes.find(process => idOf(process) === id)
  void found?.stop()
  return found !== undefined
}

/** The last lines that the one with this number has printed; undefined: it is not among them. */
export function outputOfChild(processes: readonly Process[], id: number): OutputReport | undefined {
  const found = processes.find(process => idOf(process) === id)
  return found && outputOf(found)
}
