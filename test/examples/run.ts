import { spawn } from 'node:child_process'
import { join } from 'node:path'

/** Milliseconds for one example, all of its processes included: fifty of them, under a loader, may share two busy cores. */
const patience = 60_000

/** Runs an example as a reader would, in a process of its own, until its output is closed by all that have it. */
export function runExample(
  name: string,
  env: Record<string, string>,
): Promise<{ code: number | NodeJS.Signals | null; printed: string; complaints: string }> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, ['--import', 'tsx', join('examples', name)], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: patience,
    })
    let [printed, complaints] = ['', '']
    child.stdout.setEncoding('utf8').on('data', text => {
      printed += text
    })
    child.stderr.setEncoding('utf8').on('data', text => {
      complaints += text
    })
    child.on('error', failed)
    child.on('close', (code, signal) => done({ code: signal ?? code, printed, complaints }))
  })
}
