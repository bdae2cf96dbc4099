import { stripVTControlCharacters } from 'node:util'

/** Whether stdout is a terminal that may have colours. */
export const isTerminal = (): boolean => process.stdout.isTTY === true && !process.env.NO_COLOR

const styled = (code: number) => (text: string) => (isTerminal() ? `\u001b[${code}m${text}\u001b[0m` : text)
export const bold = styled(1)
export const dim = styled(2)
export const red = styled(31)

/** Rows in columns, under a line of headings; numbers are right-aligned. Without rows: nothing. */
export function table(headings: string[], rows: (string | number)[][]): string[] {
  if (rows.length === 0) return []
  const cells = [headings, ...rows].map(row => row.map(cell => cell.toLocaleString('en-US')))
  const widths = headings.map((_, i) => Math.max(...cells.map(row => (row[i] ?? '').length)))
  const isNumber = headings.map((_, i) => rows.every(row => typeof row[i] === 'number'))
  const lines = cells.map(row =>
    row
      .map((cell, i) => (isNumber[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
  return [dim(lines[0] as string), ...lines.slice(1)]
}

/** Of each line as much as is as wide as that. */
export const cut = (lines: string[], width: number): string[] =>
  lines.map(line =>
    stripVTControlCharacters(line).length > width ? stripVTControlCharacters(line).slice(0, width) : line,
  )

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** Bytes in the largest unit of which there is at least one. */
export function bytes(count: number): string {
  let value = count
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}
