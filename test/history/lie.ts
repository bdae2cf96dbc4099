// Which lie is being told in this process, and how often.

/** See broken.ts. */
export const serverLies = [
  'drops a write',
  'repeats a write',
  'reorders writes',
  'lets writers in during a hold',
  'serves a stale read',
  'tears a snapshot',
  'loses an update',
  'repeats an update',
  'reorders updates',
  'tears an update',
  'passes on own writes',
  'goes back',
  'names a wrong gap',
  'names a gap before the first watch',
] as const
/** See broken-clients.ts. */
export const clientLies = [
  'tests a condition without an own write',
  'leaves out own writes that were asked for',
  'counts an own write in a live loop',
  'takes a jump over own writes for an update',
  'names own writes as missed',
  'skips a gap in silence',
  'ends a live loop before the last state',
  'shows a live loop an old state',
  'repeats a step of a live loop',
  'forgets what live watchers handed out',
  'lets a view lag behind an own write',
  'fails loops when their State is closed',
  'hands nothing to one-shots when their State is closed',
] as const
export type Lie = (typeof serverLies | typeof clientLies)[number]

/** The lie that is being told; none unless a test says so. */
let told: Lie | undefined
let count = 0
/** The addresses at which those connect that are always told the truth. */
let spared: readonly string[] = []

/** Runs `during` while this process tells a lie. Sessions that began before `prepareLies` are spared, and States at `addresses`. */
export async function lying<T>(lie: Lie, addresses: readonly string[], during: () => Promise<T>): Promise<T> {
  told = lie
  count = 0
  spared = addresses
  try {
    return await during()
  } finally {
    told = undefined
  }
}

export const lieNow = (): Lie | undefined => told

/** Whether it is time for `lie`, which is told every so often. */
export const isTime = (lie: Lie, often: number): boolean => told === lie && ++count % often === 0

/** Whether `lie` is told to a State that connects at `address`. */
export const isToldTo = (lie: Lie, address: string): boolean => told === lie && !spared.includes(address)
