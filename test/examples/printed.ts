export function linesOf(printed: string): string[] {
  return printed.trimEnd().split('\n')
}

/** What the groups of `pattern` caught, for each line that matches. */
export function all(lines: string[], pattern: RegExp): string[][] {
  return lines.flatMap(line => {
    const match = pattern.exec(line)
    return match ? [match.slice(1)] : []
  })
}

/** Numbers by size, everything else as text. */
export function sorted<T>(values: T[]): T[] {
  return values.toSorted((a, b) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b)),
  )
}
