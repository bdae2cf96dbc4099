import { Worker, type WorkerOptions } from 'node:worker_threads'

/** Starts `entry` in a worker thread. Threads do not inherit tsx from `--import`: a TypeScript entry loads it first. */
export function startThread(entry: URL, options: WorkerOptions = {}): Worker {
  if (!entry.pathname.endsWith('.ts')) return new Worker(entry, options)
  const load = `import(${JSON.stringify(import.meta.resolve('tsx/esm/api'))}).then(tsx => {
    tsx.register()
    return import(${JSON.stringify(entry.href)})
  })`
  return new Worker(load, { ...options, eval: true })
}
