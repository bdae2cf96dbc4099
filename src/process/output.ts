import { fstatOf } from '../async/stat.ts'

/**
 * Makes what this process prints synchronous, also where it goes into a pipe: otherwise an exit, or a kill, would
 * lose what Node has not handed to the kernel yet. Files and terminals are synchronous anyway. A stream is made when
 * it is first used, and many processes print nothing.
 */
export function printAtOnce(): void {
  if (process.platform === 'win32') return
  for (const [fd, name] of [
    [1, 'stdout'],
    [2, 'stderr'],
  ] as const) {
    if (!isPipe(fd)) continue
    const { get } = Object.getOwnPropertyDescriptor(process, name) ?? {}
    if (!get) continue
    const value = () => {
      const stream: object = get.call(process)
      const handle: { setBlocking?(on: boolean): void } | undefined = Reflect.get(stream, '_handle')
      handle?.setBlocking?.(true)
      Object.defineProperty(process, name, { get, configurable: true, enumerable: true })
      return stream
    }
    Object.defineProperty(process, name, { get: value, configurable: true, enumerable: true })
  }
}

function isPipe(fd: number): boolean {
  try {
    const found = fstatOf(fd)
    return found.isFIFO() || found.isSocket()
  } catch {
    return false
  }
}
