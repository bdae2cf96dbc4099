import { isNote, removeNote } from './hung-note.ts'
import { removeStale } from './socket-file.ts'

// The program that a guard starts when files of its owner are left: see guard.ts.
for (const path of process.argv.slice(2))
  if (isNote(path)) removeNote(path)
  else removeStale(path).catch(() => {})
