import { parentPort, workerData } from 'node:worker_threads'
import { Namespace } from '../store/namespace.ts'
import type { Compaction } from './checkpoint.ts'
import { openFolder } from './disk.ts'
import { readLog } from './log.ts'
import { Replay } from './replay.ts'
import { writeSnapshot } from './snapshot.ts'

// The program of the thread that makes a snapshot: it reads the newest one and the segments behind it, as a server does that
// is started again, and writes down what that comes to.
const { path, manifest, file } = workerData as Compaction
const disk = await openFolder(path)
const replay = new Replay((name, revision) => new Namespace(name, 1, { revision }))
const { tail } = await readLog(disk, manifest, manifest.snapshots.at(-1), {
  snapshot: replay.apply,
  block: (_, payload) => replay.read(payload),
})
const { sequence, checksum } = tail
const before = manifest.snapshots.at(-1)
const place = {
  sequence,
  checksum,
  commits: (before?.commits ?? 0) + replay.commits,
  time: replay.time || (before?.time ?? 0),
}
parentPort?.postMessage(await writeSnapshot(disk, file, place, replay.records()))
