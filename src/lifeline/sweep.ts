import { removeStale } from './socket-file.ts'

// The program that a guard starts when sockets of its owner are left: see guard.ts.
for (const path of process.argv.slice(2)) removeStale(path).catch(() => {})
