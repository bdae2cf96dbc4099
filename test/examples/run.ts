import { join, resolve } from 'node:path'
import { compileInto, type Ended, projectFolder, runNode } from '../kit/as-installed.ts'

/** Milliseconds for one example, all of its processes included: fifty of them may share two busy cores. */
const PATIENCE = 60_000

const folder = projectFolder()
const compiled = compileInto(folder, resolve('examples'))

/** Runs an example in a process of its own. */
export async function runExample(name: string, env: Record<string, string>): Promise<Ended> {
  const { code, stdout } = await compiled
  if (code !== 0) throw new Error(`the examples do not compile:\n${stdout}`)
  // Stacks name the files of the author.
  return runNode(['--enable-source-maps', join(folder, name.replace(/\.ts$/, '.js'))], {
    timeout: PATIENCE,
    env,
  })
}
