import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Samples } from './measure.ts'
import { report, type Unit } from './report.ts'

/**
 * Reports what a program of kit/ measured, which prints its tables as JSON. It is run by plain Node on the build:
 * under tsx the loader would be most of each start.
 */
export function reportPlain(program: string): void {
  const printed = execFileSync(process.execPath, [fileURLToPath(new URL(`./${program}`, import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
    encoding: 'utf8',
  })
  const tables = JSON.parse(printed) as [title: string, unit: Unit, figures: Record<string, Samples>][]
  for (const [title, unit, figures] of tables) report(title, unit, figures)
}
