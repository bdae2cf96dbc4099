/** Counted from 0. */
export interface Place {
  line: number
  column: number
}

/** The offsets at which the lines of a text begin. */
export function linesOf(text: string): number[] {
  const lines = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.push(at + 1)
  return lines
}

export function placeAt(lines: number[], offset: number): Place {
  let line = 0
  for (let end = lines.length; end - line > 1; ) {
    const middle = (line + end) >> 1
    if ((lines[middle] ?? 0) <= offset) line = middle
    else end = middle
  }
  return { line, column: offset - (lines[line] ?? 0) }
}

export const offsetAt = (lines: number[], { line, column }: Place): number => (lines[line] ?? 0) + column
