const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
] as const

/** Milliseconds in the largest unit of which there is at least one: `340 ms`, `4 s`, `12 min`. */
export function duration(ms: number): string {
  for (const [unit, name] of UNITS) if (ms >= unit) return `${Math.floor(ms / unit)} ${name}`
  return `${Math.max(0, Math.round(ms))} ms`
}
