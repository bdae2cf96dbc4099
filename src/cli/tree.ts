import { describeServer } from '../client/describe-server.ts'
import { endWords, inHand } from '../client/diagnose-processes.ts'
import { duration } from '../client/duration.ts'
import { processTree, type Started } from '../client/process-tree.ts'
import type {
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

/** The lines of the tree, and how they hang together. */
function treeOf(description: ServerDescription): Node[] {
  const { asker, time } = description
  const isAsker = ({ session, states }: SessionDescription) => session === asker && (states ?? 0) === 0
  return processTree(description, isAsker).map(({ session, started }) => ({
    text: programLine(session, time),
    children: nodesOf(started, time),
  }))
}

const nodesOf = ({ processes, pools }: Started, time: number): Node[] => [
  ...processes.map(({ process, started }) => ({
    text: processLine(process, time),
    children: nodesOf(started, time),
  })),
  ...pools.map(one => poolNode(one, time)),
]

function poolNode({ pool, workers }: Started['pools'][number], time: number): Node {
  const { kind, maps, moreWorkers, moreMaps } = pool
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
      ...workers.map(({ worker, started }) => ({
        text: workerLine(worker, time),
        children: nodesOf(started, time),
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
