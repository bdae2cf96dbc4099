/** Counted from 0. */
export interface Place {
  line: number
  column: number
}

/** A text that begins at a place in a file. */
export interface Text extends Place {
  /** The offsets at which its lines begin. */
  lines: number[]
}

/** Where in the file the offset is. */
export function placeOf(text: Text, offset: number): Place {
  const { lines } = text
  let line = 0
  for (let end = lines.length; end - line > 1; ) {
    const middle = (line + end) >> 1
    if ((lines[middle] ?? 0) <= offset) line = middle
    else end = middle
  }
  const column = offset - (lines[line] ?? 0)
  return { line: line + text.line, column: line === 0 ? column + text.column : column }
}

/** The other way round. */
export function offsetOf(text: Text, place: Place): number {
  const line = place.line - text.line
  return (text.lines[line] ?? 0) + place.column - (line === 0 ? text.column : 0)
}

/** As the engine counts them. */
export function linesOf(text: string): number[] {
  const lines = [0]
  for (const { index, 0: end } of text.matchAll(/\r\n?|[\n\u2028\u2029]/g)) lines.push(index + end.length)
  return lines
}
