// Namespaces by which the peers of a pool find and write to each other; see map/pool-peer.ts.
export const MAIL = 'zproc:pool/'
// Commits that they keep, and bytes of them: each is read within moments, and may be as large as a chunk of a map.
const KEPT = 1000
const KEPT_BYTES = 64 << 20

/** Where those are who share work in `namespace`, or the inbox of one of them. */
export function poolNamespace(namespace: string, inbox?: string): string {
  const name = MAIL + encodeURIComponent(namespace)
  return inbox === undefined ? name : `${name}/${inbox}`
}

/** Whether nobody misses a namespace once everybody has left it. */
export const isMail = (namespace: string): boolean => namespace.startsWith(MAIL)

/** How many bytes of values the commits of a namespace may hold, where those of others may hold `limit`. */
export const keptBytesOf = (namespace: string, limit: number): number =>
  isMail(namespace) ? Math.min(limit, KEPT_BYTES) : limit

/** How many commits of a namespace are kept, where `limit` are of others. */
export const keptOf = (namespace: string, limit: number): number =>
  isMail(namespace) ? Math.min(limit, KEPT) : limit
