import { appendFileSync } from 'node:fs'
import { basename } from 'node:path'
import { median, quantile, type Samples } from './measure.ts'

export type Unit = 'µs' | 'ms' | 'per second' | 'MB' | 'bytes' | 'ns' | '×'

export interface Row {
  name: string
  median: number
  /** The middle half of the rounds lies between these. */
  low: number
  high: number
  /** How it compares with the first row, round by round; the median of that. */
  ratio: number
  samples: Samples
}

export interface Table {
  /** The file that asked. */
  file: string
  title: string
  unit: Unit
  rows: Row[]
}

/** Prints a table of what was measured, and hands it to bench/run.ts when that is who runs the file. */
export function report(title: string, unit: Unit, figures: Record<string, Samples>): void {
  const rows = rowsOf(figures)
  const table: Table = { file: basename(process.argv[1] as string, '.ts'), title, unit, rows }
  console.log(`\n${title}`)
  console.table(
    Object.fromEntries(
      rows.map(row => [
        row.name,
        {
          [unit]: shown(row.median),
          'middle half': `${shown(row.low)} – ${shown(row.high)}`,
          [`÷ ${rows[0]?.name}`]: row.ratio.toFixed(2),
        },
      ]),
    ),
  )
  if (process.env.BENCH_RESULTS) appendFileSync(process.env.BENCH_RESULTS, `${JSON.stringify(table)}\n`)
}

export function rowsOf(figures: Record<string, Samples>): Row[] {
  const [base = []] = Object.values(figures)
  return Object.entries(figures).map(([name, samples]) => ({
    name,
    median: median(samples),
    low: quantile(samples, 0.25),
    high: quantile(samples, 0.75),
    ratio: pairwise(samples, base),
    samples,
  }))
}

/** How much one candidate took of what another did in the same round; the median of that. */
export function pairwise(samples: Samples, base: Samples): number {
  return median(samples.map((figure, i) => figure / (base[i] ?? (base[0] as number))))
}

/** Three digits that count; thousands in groups. */
export function shown(figure: number): string {
  if (Math.abs(figure) >= 100) return Math.round(figure).toLocaleString('en')
  return String(Number(figure.toPrecision(3)))
}
