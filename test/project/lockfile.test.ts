import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'

interface Locked {
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

const packages: Record<string, Locked> = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages

// `npm ci` refuses a lockfile that lacks a package, even one for another platform. A registry that did not have
// such a package when the lockfile was written leaves it out without a word.
test('the lockfile has every package that npm ci will look for, on every platform', () => {
  const missing = Object.entries(packages).flatMap(([path, locked]) =>
    Object.keys({ ...locked.dependencies, ...locked.devDependencies, ...locked.optionalDependencies })
      .filter(name => !isLocked(path, name))
      .map(name => `${name}, wanted by ${path || 'package.json'}`),
  )
  assert.deepEqual(missing, [])
})

test('package.json and its lockfile agree', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  assert.deepEqual(packages['']?.dependencies, dependencies)
  assert.deepEqual(packages['']?.devDependencies, devDependencies)
})

/** Looks where Node would: beside the package that asks, then in each folder above. */
function isLocked(path: string, name: string): boolean {
  const steps = path.split('/node_modules/')
  for (let kept = steps.length; kept > 0; kept--) {
    const folder = steps.slice(0, kept).join('/node_modules/')
    if (`${folder === '' ? '' : `${folder}/`}node_modules/${name}` in packages) return true
  }
  return `node_modules/${name}` in packages
}
