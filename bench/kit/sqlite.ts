import { isBuiltin } from 'node:module'
import { binary } from '../../test/kit/binary.ts'
import { type Crew, startCrew } from './crew.ts'

/** Processes that count in one SQLite database; undefined, with a line that says so, where no Node has SQLite. */
export async function sqliteCrew(count: number, file: string): Promise<Crew | undefined> {
  const node = nodeWithSqlite()
  if (node === undefined) return undefined
  return startCrew(new URL('sqlite-crew.mjs', import.meta.url).href, count, [file], node)
}

function nodeWithSqlite(): string | undefined {
  if (isBuiltin('node:sqlite')) return process.execPath
  try {
    return binary(`node-${process.platform}-${process.arch}`, '24', 'bin/node')
  } catch (error) {
    console.log(`No Node with SQLite is there, its rows are left out: ${(error as Error).message}`)
    return undefined
  }
}
