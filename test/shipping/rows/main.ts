// The program in four of the environments. It is the entry: nothing may import it a second time.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { all } from './all.js'
import { runRows } from './host.js'

const [, , out, child] = process.argv
if (out === undefined || child === undefined)
  throw new Error(`usage: ${fileURLToPath('file:///main')} out child`)
runRows(all, child).then(outcomes => {
  writeFileSync(out, JSON.stringify(outcomes))
  process.exit(0)
})
