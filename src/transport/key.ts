import { home, requireAt } from '../async/home.ts'

/** What a secret key stands for at one server, and the salt by which that is another one at each. */
export interface DerivedKey {
  salt: string
  bytes: Uint8Array
}

// Those of the servers that were connected to last.
const KEPT = 100
const keys = new Map<string, DerivedKey[]>()
const warned = new Set<string>()

/** Shorter keys can be guessed: see docs/security.md. */
const SHORT = 16
const SALT = /^[\w-]{22}$/

/** For a new server: nobody can have computed keys for it before. */
export function newKey(secretKey: string): DerivedKey {
  const { randomBytes } = crypto()
  return derivedKey(secretKey, randomBytes(16).toString('base64url')) as DerivedKey
}

/**
 * The key at the server that has told this salt; undefined: that is none. Deriving it is slow on purpose, so it is done once:
 * processes that are started from here are given what is known.
 */
export function derivedKey(secretKey: string, salt: string): DerivedKey | undefined {
  const known = knownKeys(secretKey).find(key => key.salt === salt)
  if (known || !SALT.test(salt)) return known
  if (secretKey.length < SHORT && !warned.has(secretKey)) {
    const words = `a secretKey of ${secretKey.length} characters can be guessed: use ${SHORT} or more, chosen at random`
    process.emitWarning(words, { type: 'ZprocWarning', code: 'ZPROC_SHORT_KEY' })
  }
  const bytes = Uint8Array.from(crypto().scryptSync(secretKey, `zproc pre-shared key ${salt}`, 32))
  const key = { salt, bytes }
  learnKeys(secretKey, [key])
  return key
}

/** What has been derived from it, the newest last. */
export const knownKeys = (secretKey: string): DerivedKey[] => keys.get(secretKey) ?? []

/** What another process has derived. */
export function learnKeys(secretKey: string, derived: DerivedKey[]): void {
  // Of a short one the process that has it first has warned.
  warned.add(secretKey)
  const known = knownKeys(secretKey).filter(({ salt }) => !derived.some(key => key.salt === salt))
  keys.set(secretKey, [...known, ...derived].slice(-KEPT))
}

// Loaded where there is a key: every process loads this file, and few need it.
const require = requireAt(home)
const crypto = (): typeof import('node:crypto') => require('node:crypto')
