// A package that is linked into node_modules, as by pnpm, npm link and workspaces: there is one of it in each process, whatever
// the process's output is. Node resolves a link to itself while the last stat was one of a pipe or a socket.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { projectFolder, runNode } from '../kit/as-installed.ts'

// The fault needs a directory above both the program and the package.
const folder = projectFolder(resolve('node_modules/.cache'))

/** Targets import zproc, which the child has loaded itself: from there, or a second time. */
const source = `
import { Context, currentProcess, itemSignal, RemoteException } from 'zproc'
const [backend, serverBackend, spares] = JSON.parse(process.argv[2])

const ctx = new Context({ backend, spares, stateful: false, serverBackend })
const found = []
for (let i = 0; i < 3; i++) {
  const target = () => {
    const { parent, attempt } = currentProcess()
    if (attempt === 1) throw new RangeError('again')
    return [parent?.pid, attempt, itemSignal !== undefined]
  }
  found.push(await ctx.process(target, { retryFor: [RangeError], retryDelay: 1, maxRetries: 3 }).wait())
}
found.push(await ctx.run(() => [currentProcess().parent?.pid, 2, itemSignal() instanceof AbortSignal]))
const refused = ctx.process(() => new RemoteException(new RangeError('returned'))).wait()
console.log(JSON.stringify({ found, refused: await refused.catch(error => error.message), pid: process.pid }))
await ctx.close()

`
mkdirSync(join(folder, 'app'))
const program = join(folder, 'app', 'linked.mjs')
writeFileSync(program, source)

for (const backend of ['process', 'thread'])
  for (const [serverBackend, spares] of [
    ['process', 0],
    ['inline', 1],
  ])
    test(`a linked package is one in each ${backend}, with a server as ${serverBackend} and ${spares} spares`, async () => {
      const args = [program, JSON.stringify([backend, serverBackend, spares])]
      // Its output is a pipe, which its processes inherit.
      const { code, stdout, stderr } = await runNode(args, { timeout: 30_000 })
      assert.equal(code, 0, stderr)
      const { found, refused, pid } = JSON.parse(stdout)
      assert.deepEqual(found, Array(4).fill([pid, 2, true]))
      assert.equal(refused, 'returned')
    })
