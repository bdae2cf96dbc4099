import { createRequire } from 'node:module'

const keys = new Map<string, Uint8Array>()

/**
 * The 32 bytes that a secret key stands for. Deriving them is slow on purpose, so it is done once: processes that are
 * started from here are given both.
 */
export function derivedKey(secretKey: string): Uint8Array {
  let key = keys.get(secretKey)
  if (!key) {
    const { scryptSync }: typeof import('node:crypto') = require('node:crypto')
    key = Uint8Array.from(scryptSync(secretKey, 'zproc pre-shared key', 32))
    keys.set(secretKey, key)
  }
  return key
}

/** What another process has derived. */
export function learnKey(secretKey: string, key: Uint8Array): void {
  keys.set(secretKey, key)
}

// Loaded where there is a key: every process loads this file, and few need it.
const require = createRequire(import.meta.url)
