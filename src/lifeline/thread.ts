import { Worker, type WorkerOptions } from 'node:worker_threads'
import { assertPresent } from '../async/home.ts'
import { notStarted } from './limits.ts'

/**
 * Starts `entry` in a worker thread. Threads do not inherit tsx from `--import`: a TypeScript entry loads it first. They do
 * inherit `--input-type`, with which Node takes no file for an entry, so it is imported.
 */
export function startThread(entry: URL, options: WorkerOptions = {}): Worker {
  assertPresent(entry)
  if (!entry.pathname.endsWith('.ts')) {
    if (!process.execArgv.some(flag => flag.startsWith('--input-type'))) return newThread(entry, options)
    return newThread(`import(${JSON.stringify(entry.href)})`, { ...options, eval: true })
  }
  const load = `import(${JSON.stringify(import.meta.resolve(TSX))}).then(tsx => {
    tsx.register()
    return import(${JSON.stringify(entry.href)})
  })`
  return newThread(load, { ...options, eval: true })
}

/** Throws a ZprocError that names the limit, if the system refuses the thread. */
export function newThread(entry: URL | string, options: WorkerOptions): Worker {
  try {
    return new Worker(entry, options)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw code === 'ERR_WORKER_INIT_FAILED' ? notStarted('thread', error as Error) : error
  }
}

// Not in the call: a bundler looks for a module that is named there.
const TSX = 'tsx/esm/api'
