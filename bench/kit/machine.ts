import { cpus, totalmem } from 'node:os'

/** Where the figures come from, in a line. */
export function machine(): string {
  const [cpu] = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB of memory`
  const date = new Date().toISOString().slice(0, 10)
  return `Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} × ${cpu?.model.trim()}, ${memory}, ${date}`
}
