import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

// Asked before anybody is placed: it counts those that this process may use.
const cores = availableParallelism()

/**
 * Puts each group of processes on a core of its own, with all their threads.
 * Two processes that wake each other are put on one core or on two as the system sees fit, from moment to moment, and on a
 * virtual machine a round trip over two takes several times as long: what is to be compared must be placed alike.
 */
export function placeApart(...groups: number[][]): void {
  if (groups.length > cores) return stay('there are fewer cores')
  groups.forEach((pids, core) => {
    for (const pid of pids) place(pid, String(core))
  })
}

/** Puts the first on one core, the second on the next, and so on from the beginning. */
export function placeByTurns(...pids: number[]): void {
  pids.forEach((pid, i) => {
    place(pid, String(i % cores))
  })
}

/** Puts them all on one core. */
export function placeTogether(...pids: number[]): void {
  for (const pid of pids) place(pid, '0')
}

/** Leaves them to the system again. */
export function placeAnywhere(...pids: number[]): void {
  for (const pid of pids) place(pid, `0-${cores - 1}`)
}

function place(pid: number, where: string): void {
  try {
    execFileSync('taskset', ['-a', '-c', '-p', where, String(pid)], { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    stay(error instanceof Error ? error.message : String(error))
  }
}

const stay = (why: string): void =>
  console.error(
    `The processes stay where the system puts them (${why}): ratios to a bare socket may be of two placements.`,
  )
