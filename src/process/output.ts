import { fstatSync } from 'node:fs'

/**
 * Makes what this process prints synchronous, also where it goes into a pipe: otherwise an exit, or a kill, would
 * lose what Node has not handed to the kernel yet. Files and terminals are synchronous anyway.
 */
export function printAtOnce(): void {
  if (process.platform === 'win32') return
  for (const [fd, stream] of [
    [1, 'stdout'],
    [2, 'stderr'],
  ] as const) {
    if (!isPipe(fd)) continue
    const handle: { setBlocking?(on: boolean): void } | undefined = Reflect.get(process[stream], '_handle')
    handle?.setBlocking?.(true)
  }
}

function isPipe(fd: number): boolean {
  try {
    const found = fstatSync(fd)
    return found.isFIFO() || found.isSocket()
  } catch {
    return false
  }
}
