import { describeServer } from '../client/describe-server.ts'
import { endWords, inHand } from '../client/diagnose-processes.ts'
import { duration } from '../client/duration.ts'
import type {
  PoolDescription,
  ProcessDescription,
  ServerDescription,
  SessionDescription,
  WorkerDescription,
} from '../protocol/description.ts'
import { treeHelp } from './help.ts'
import { options } from './options.ts'
import { busyOf, memoryOf, stateOf } from './report-processes.ts'
import { json, safe } from './shown.ts'
import { targetOrOnly } from './status.ts'
import { asked } from './target.ts'
import { bold, bytes, dim } from './terminal.ts'

/** A program, process or worker, and what it has started. */
interface Node {
  text: string
  children: Node[]
}

// So many items of each list are asked for: a tree is read as a whole.
const LIMIT = 1000

/** `zproc tree`: the programs that use a server, and the processes that they have started. */
export async function tree(args: string[]): Promise<number> {
  const given = asked('tree', args, options.tree, treeHelp)
  if (!given) return 0
  const { address, secretKey } = await targetOrOnly('tree', given)
  const description = await describeServer(address, { secretKey, limit: LIMIT })
  const { server, leftOut } = description
  if (given.isJson) {
    const { sessions, processes, pools } = description
    console.log(json({ server, sessions, processes, pools, leftOut }))
    return 0
  }
  console.log(
    `${bold(safe(server.address))}  pid ${server.pid} (${safe(server.backend)}), ${bytes(server.memory.rss)}`,
  )
  for (const line of lines(treeOf(description))) console.log(line)
  const more = leftOut.sessions + leftOut.processes + leftOut.pools
  if (more > 0) console.log(dim(`… and ${more} more`))
  return 0
}

/**
 * The programs that no other one has started, with what is below them. Each is shown once: programs may say of each other that they
 * have started them.
 */
export function treeOf({ sessions, processes, pools, asker, time }: ServerDescription): Node[] {
  const machines = new Map(sessions.map(({ session, machine }) => [session, machine]))
  const placeOf: PlaceOf = (session, pid) => `${machines.get(session)} ${pid}`
  const owners = new Map(sessions.map(({ session, pid }) => [session, placeOf(session, pid)]))
  const processesOf = byPlace(processes, owners)
  const poolsOf = byPlace(pools, owners)
  const expanded = new Set<string>()
  /** What the sessions of a process have started. */
  const below: Below = (session, { backend, pid }) => {
    const place = placeOf(session, pid)
    if (backend !== 'process' || expanded.has(place)) return []
    expanded.add(place)
    return [
      ...(processesOf.get(place) ?? []).map(one => ({
        text: processLine(one, time),
        children: below(one.session, one),
      })),
      ...(poolsOf.get(place) ?? []).map(pool => poolNode(pool, time, below)),
    ]
  }
  const started = startedBy(processes, pools, placeOf)
  const isStarted = ({ session, pid }: SessionDescription) => started.has(placeOf(session, pid))
  const inOrder = [...sessions.filter(one => !isStarted(one)), ...sessions.filter(isStarted)]
  return inOrder.flatMap(one => {
    const place = placeOf(one.session, one.pid)
    const isAsker = one.session === asker && (one.states ?? 0) === 0
    if (isAsker || one.is === 'spare' || expanded.has(place)) return []
    const children = below(one.session, { backend: 'process', pid: one.pid })
    return { text: programLine(one, time), children }
  })
}

/** The machine and the pid of a process that a session tells of. */
type PlaceOf = (session: number, pid: number | null) => string
/** What is below something that a session has started. */
type Below = (session: number, child: Pick<WorkerDescription, 'backend' | 'pid'>) => Node[]

/** Items by the place of the process whose session they are of. */
function byPlace<T extends { session: number }>(
  items: T[],
  places: ReadonlyMap<number, string>,
): Map<string, T[]> {
  const found = new Map<string, T[]>()
  for (const item of items) {
    const place = places.get(item.session) ?? ''
    const list = found.get(place)
    if (list) list.push(item)
    else found.set(place, [item])
  }
  return found
}

/** The places of the processes that others have started. */
function startedBy(
  processes: ProcessDescription[],
  pools: PoolDescription[],
  placeOf: PlaceOf,
): ReadonlySet<string> {
  const children = [
    ...processes.map(one => ({ session: one.session, one })),
    ...pools.flatMap(({ session, workers }) => workers.map(one => ({ session, one }))),
  ]
  return new Set(
    children
      .filter(({ one }) => one.backend === 'process')
      .map(({ session, one }) => placeOf(session, one.pid)),
  )
}

function poolNode(pool: PoolDescription, time: number, below: Below): Node {
  const { kind, workers, maps, session, moreWorkers, moreMaps } = pool
  const name = { own: 'pool', shared: 'shared pool', host: 'zproc worker' }[kind]
  const count = workers.length + moreWorkers
  const more = moreWorkers + moreMaps
  return {
    text: `${name}  ${count === 1 ? '1 worker' : `${count} workers`}`,
    children: [
      ...maps.map(({ function: of, unit, done, total, waiting }) => ({
        text: `${unit === 'item' ? 'map' : 'calls'} of ${safe(of)}  ${done}${total === null ? '' : ` of ${total}`} done, ${waiting} wait`,
        children: [],
      })),
      ...workers.map(one => ({
        text: workerLine(one, time),
        children: below(session, one),
      })),
      ...(more > 0 ? [{ text: dim(`… and ${more} more`), children: [] }] : []),
    ],
  }
}

function programLine({ name, pid, machine, since, lost, silent }: SessionDescription, time: number): string {
  const words = [
    ...(machine === 'local' ? [] : [`on ${safe(machine)}`]),
    `for ${duration(time - since)}`,
    ...(lost === null ? [] : ['connection lost']),
    ...(silent === null ? [] : ['silent']),
  ]
  return `${bold(safe(name || '(no State)'))} (pid ${pid})  ${words.join(', ')}`
}

function processLine(one: ProcessDescription, time: number): string {
  const { name, pid, attempt, end, backend, since } = one
  const words = [
    `${stateOf(one)} for ${duration(time - since)}`,
    ...(attempt > 1 ? [`attempt ${attempt}`] : []),
    ...vitalWords(one),
    ...(end ? [`ended ${safe(endWords(end))}`] : []),
  ]
  const what = backend === 'thread' ? 'thread' : `pid ${pid ?? '-'}`
  return `${bold(safe(name))} (${what})  ${words.join(', ')}`
}

function workerLine(one: WorkerDescription, time: number): string {
  const { number, pid, has, silent, backend } = one
  const words = [
    ...(has ? [`${inHand(has)} of ${safe(has.function)} for ${duration(time - has.since)}`] : []),
    ...(silent === null ? [] : ['silent']),
    ...vitalWords(one),
  ]
  const what = backend === 'process' ? `pid ${pid ?? '-'}` : backend
  return `worker ${number} (${what})  ${words.join(', ')}`.trimEnd()
}

function vitalWords(one: ProcessDescription | WorkerDescription): string[] {
  const { memory, eventLoop } = one
  return [...(memory === null ? [] : [memoryOf(one)]), ...(eventLoop === null ? [] : [`${busyOf(one)} busy`])]
}

function lines(nodes: Node[]): string[] {
  return nodes.flatMap(({ text, children }, i) => {
    const isLast = i === nodes.length - 1
    return [
      `${isLast ? '└─ ' : '├─ '}${text}`,
      ...lines(children).map(line => `${isLast ? '   ' : '│  '}${line}`),
    ]
  })
}
