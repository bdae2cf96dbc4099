// Processes that start processes. Each joins the server of the first, and none outlives the one that started it.
import { Context } from 'zproc'

interface Tree {
  [branch: string]: { pid: number; parent: number }
}

const ctx = new Context<Tree>()

async function grow(ctx: Context<Tree>, branch: string, depth: number): Promise<number> {
  await ctx.state.set(branch, { pid: process.pid, parent: process.ppid })
  if (depth === 0) return 1
  for (const side of ['left', 'right'])
    ctx.process(grow, { args: [`${branch} ${side}`, depth - 1], passContext: true })
  const leaves = (await ctx.waitAll()) as number[]
  return leaves.reduce((sum, leaf) => sum + leaf, 0)
}

const leaves = await ctx.process(grow, { args: ['root', 2], passContext: true }).wait()

const branches = await ctx.state.items()
branches.sort(([a], [b]) => (a < b ? -1 : 1))
console.log(`main: pid ${process.pid}`)
for (const [name, { pid, parent }] of branches) {
  const indent = '  '.repeat(name.split(' ').length)
  console.log(`${indent}${name}: pid ${pid}, started by ${parent}`)
}
console.log(`${branches.length} processes, ${leaves} leaves`)
