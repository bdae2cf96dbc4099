import { createRequire } from 'node:module'

const { resolve } = createRequire(import.meta.url)
const missed = new Set<string>()

// Imported by a name that the compiler does not follow: peers may be absent, and their types are not ours.
const load = async (name: string) => import(name)

/** A package of bench/package.json; undefined, with a line that says so, where it is not installed. */
export async function peer(name: string) {
  if (isInstalled(name)) return load(name)
  if (!missed.has(name))
    console.log(`${name} is not there, its rows are left out: npm install --prefix bench`)
  missed.add(name)
}

export function isInstalled(name: string): boolean {
  try {
    resolve(name)
    return true
  } catch {
    return false
  }
}
