import type {
  PoolDescription,
  ProcessDescription,
  ServerDescription,
  SessionDescription,
  WorkerDescription,
} from '../protocol/description.ts'

/** @internal What a program, process or worker has started. */
export interface Started {
  processes: { process: ProcessDescription; started: Started }[]
  pools: { pool: PoolDescription; workers: { worker: WorkerDescription; started: Started }[] }[]
}

/** @internal What of a description the tree is made of. */
export type Processes = Pick<ServerDescription, 'asker' | 'sessions' | 'processes' | 'pools'>

/**
 * @internal The programs that no other one has started, with what is below them. Each is there once: programs may say of each other
 * that they have started them. `isHidden`: a session that is no program of its own; spare children never are.
 */
export function processTree(
  { sessions, processes, pools }: Processes,
  isHidden: (session: SessionDescription) => boolean,
): { session: SessionDescription; started: Started }[] {
  const machines = new Map(sessions.map(({ session, machine }) => [session, machine]))
  // The machine and the pid of a process that a session tells of.
  const placeOf = (session: number, pid: number | null) => `${machines.get(session)} ${pid}`
  const owners = new Map(sessions.map(({ session, pid }) => [session, placeOf(session, pid)]))
  const processesOf = byOwner(processes, owners)
  const poolsOf = byOwner(pools, owners)
  const expanded = new Set<string>()
  const below = (session: number, { backend, pid }: Child): Started => {
    const place = placeOf(session, pid)
    if (backend !== 'process' || expanded.has(place)) return { processes: [], pools: [] }
    expanded.add(place)
    return {
      processes: (processesOf.get(place) ?? []).map(process => ({
        process,
        started: below(process.session, process),
      })),
      pools: (poolsOf.get(place) ?? []).map(pool => ({
        pool,
        workers: pool.workers.map(worker => ({ worker, started: below(pool.session, worker) })),
      })),
    }
  }
  const children = [
    ...processes.map(child => ({ session: child.session, child })),
    ...pools.flatMap(({ session, workers }) => workers.map(child => ({ session, child }))),
  ].filter(({ child }) => child.backend === 'process')
  const childPlaces = new Set(children.map(({ session, child }) => placeOf(session, child.pid)))
  const isChild = ({ session, pid }: SessionDescription) => childPlaces.has(placeOf(session, pid))
  const inOrder = [...sessions.filter(one => !isChild(one)), ...sessions.filter(isChild)]
  return inOrder.flatMap(session => {
    const isShown = session.is !== 'spare' && !isHidden(session)
    if (!isShown || expanded.has(placeOf(session.session, session.pid))) return []
    return { session, started: below(session.session, { backend: 'process', pid: session.pid }) }
  })
}

type Child = Pick<WorkerDescription, 'backend' | 'pid'>

/** Items by the place of the process whose session they are of. */
function byOwner<T extends { session: number }>(
  items: readonly T[],
  owners: ReadonlyMap<number, string>,
): Map<string, T[]> {
  const found = new Map<string, T[]>()
  for (const item of items) {
    const place = owners.get(item.session) ?? ''
    const list = found.get(place)
    if (list) list.push(item)
    else found.set(place, [item])
  }
  return found
}
