/** The name that `written` is most likely a misspelling of; undefined if it is like none of them. */
export function nearest(written: string, names: readonly string[]): string | undefined {
  if (written.length > LONGEST) return undefined
  let found: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const name of names) {
    const distance = edits(written.toLowerCase(), name.toLowerCase())
    if (distance >= least) continue
    least = distance
    found = name
  }
  return found !== undefined && least <= Math.max(2, Math.floor(found.length / 3)) ? found : undefined
}

/** No option's name is half as long. */
const LONGEST = 60

/** How many letters have to be put in, left out, replaced, or exchanged with the next one. */
function edits(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(at(row, j) + 1, at(next, j - 1) + 1, at(row, j - 1) + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, at(before, j - 2) + 1)
      next.push(least)
    }
    before = row
    row = next
  }
  return at(row, b.length)
}

const at = (row: number[], i: number): number => row[i] ?? Number.POSITIVE_INFINITY
