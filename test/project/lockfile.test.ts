import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'

interface Locked {
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

type Packages = Record<string, Locked>
const lockOf = (folder: string): Packages =>
  JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages

// `npm ci` refuses a lockfile that lacks a package, even one for another platform. A registry that did not have
// such a package when the lockfile was written leaves it out without a word.
for (const folder of ['.', 'bench']) {
  test(`the lockfile in ${folder} has every package that npm ci will look for, on every platform`, () => {
    const packages = lockOf(folder)
    const missing = Object.entries(packages).flatMap(([path, locked]) =>
      Object.keys({ ...locked.dependencies, ...locked.devDependencies, ...locked.optionalDependencies })
        .filter(name => !isLocked(packages, path, name))
        .map(name => `${name}, wanted by ${path || 'package.json'}`),
    )
    assert.deepEqual(missing, [])
  })

  test(`package.json in ${folder} and its lockfile agree`, () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const own = lockOf(folder)['']
    assert.deepEqual(own?.dependencies, dependencies)
    assert.deepEqual(own?.devDependencies, devDependencies)
  })
}

/** Looks where Node would: beside the package that asks, then in each folder above. */
function isLocked(packages: Packages, path: string, name: string): boolean {
  const steps = path.split('/node_modules/')
  for (let kept = steps.length; kept > 0; kept--) {
    const folder = steps.slice(0, kept).join('/node_modules/')
    if (`${folder === '' ? '' : `${folder}/`}node_modules/${name}` in packages) return true
  }
  return `node_modules/${name}` in packages
}
