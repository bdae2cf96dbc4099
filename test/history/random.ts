/** A source of choices that are the same for the same seed. */
export interface Random {
  /** A whole number from 0 up to, but without, `n`. */
  below(n: number): number
  chance(probability: number): boolean
  pick<T>(from: readonly T[]): T
  /** One of the names, each as often as its weight says. */
  weighed<K extends string>(weights: Record<K, number>): K
}

export function random(...seeds: number[]): Random {
  // mulberry32: 32 bits of state are plenty for a few hundred choices.
  let state = seeds.reduce((mixed, seed) => Math.imul(mixed ^ seed, 0x9e3779b1) + 0x7f4a7c15, 1) | 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number): number => Math.floor(next() * n)
  return {
    below,
    chance: probability => next() < probability,
    pick: from => from[below(from.length)]!,
    weighed: <K extends string>(weights: Record<K, number>): K => {
      const names = Object.keys(weights) as K[]
      let left = next() * names.reduce((sum, name) => sum + weights[name], 0)
      return names.find(name => {
        left -= weights[name]
        return left < 0
      }) as K
    },
  }
}
