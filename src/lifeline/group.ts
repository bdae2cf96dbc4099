import { sleep } from '../async/interval.ts'

// Milliseconds that what a child left behind gets to end after SIGTERM, and from one look at it to the next.
const GRACE = 500
const EVERY = 10

/**
 * Ends what is left of the process group of `leader`, a child that is gone: the programs that it started and did not
 * detach. Resolves when they are gone; at once when there are none, which costs one system call.
 */
export async function endGroup(leader: number): Promise<void> {
  if (process.platform === 'win32' || !signal(leader, 'SIGTERM')) return
  signal(leader, 'SIGCONT')
  for (let waited = 0; waited < GRACE; waited += EVERY) {
    await sleep(EVERY)
    if (!signal(leader, 0)) return
  }
  signal(leader, 'SIGKILL')
}

/** Whether there was somebody to be signalled. */
function signal(leader: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-leader, name)
  } catch {
    return false
  }
}
