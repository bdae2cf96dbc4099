// What a child loads before it can run anything: each file of it is paid for at every start.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { needsBuild } from '../kit/build.ts'

/** The files that `file` imports when it is loaded, directly or not; types and `import()` do not count. */
function loadedBy(file: URL, found = new Set<string>()): Set<string> {
  found.add(file.pathname.slice(file.pathname.lastIndexOf('/src/') + '/src/'.length))
  const source = readFileSync(file, 'utf8')
  for (const [, names = '', specifier = ''] of source.matchAll(
    /^(?:import|export) ([^'"]*?)(?:from )?'([^']+)'/gm,
  )) {
    const kept = names.startsWith('type ') ? [] : names.replace(/[{}]/g, '').split(',')
    const runs = names === '' || kept.some(name => name.trim() !== '' && !name.trim().startsWith('type '))
    const next = new URL(specifier, file)
    if (!runs || !specifier.startsWith('.')) continue
    const name = next.pathname.slice(next.pathname.lastIndexOf('/src/') + '/src/'.length)
    if (!found.has(name)) loadedBy(next, found)
  }
  return found
}

/** The modules that a built file holds, and those that it imports when it is loaded. */
function heldBy(file: URL, found = new Set<string>()): Set<string> {
  const source = readFileSync(file, 'utf8')
  for (const [, module = ''] of source.matchAll(/^\/\/ (?:src|node_modules)\/(.+)$/gm)) found.add(module)
  for (const [, specifier = ''] of source.matchAll(/^import .*?"(\..+?)";$/gm))
    heldBy(new URL(specifier, file), found)
  return found
}

test('what a child loads when it was built is what its modules import, and msgpack', () => {
  needsBuild()
  const held = [...heldBy(new URL('../../dist/process/main.js', import.meta.url))]
  const imported = loadedBy(new URL('../../src/process/main.ts', import.meta.url))
  assert.ok(held.includes('process/main.ts') && held.includes('msgpackr/pack.js'), `${held}`)
  assert.deepEqual(
    held.filter(module => !imported.has(module) && !module.startsWith('msgpackr/')),
    [],
  )
})

test('the entry of a child loads what every target needs, and no more', () => {
  const loaded = [...loadedBy(new URL('../../src/process/main.ts', import.meta.url))]
  const rooms = [...new Set(loaded.map(name => name.split('/')[0]))]
  assert.deepEqual(rooms.sort(), [
    'async',
    'errors.ts',
    'lifeline',
    'process',
    'protocol',
    'shipping',
    'tracing',
  ])
  assert.deepEqual(loaded.filter(name => name.startsWith('process/')).sort(), [
    'process/classes.ts',
    'process/current.ts',
    'process/exit.ts',
    'process/job.ts',
    'process/main.ts',
    'process/messages.ts',
    'process/output.ts',
    'process/print.ts',
    'process/run.ts',
    'process/target.ts',
  ])
  // The parser, drafts, the client and the server are loaded when they are needed, if they are.
  for (const heavy of [
    'process/rehearse.ts',
    'shipping/capture/capture.ts',
    'shipping/source/script.ts',
    'client/state.ts',
    'store/draft.ts',
  ])
    assert.equal(loaded.includes(heavy), false, heavy)
})
