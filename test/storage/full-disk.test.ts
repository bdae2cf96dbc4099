// A disk without space, and one that fails, as a server meets them.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type AnyState, State, startServer } from 'zproc'
import type { OpenFile } from '../../src/storage/disk.ts'
import { Journal } from '../../src/storage/journal.ts'
import { openLog } from '../../src/storage/log.ts'
import { Kept } from '../../src/storage/records.ts'
import { SimulatedDisk } from './simulated-disk.ts'

const noMount =
  process.platform === 'linux' && process.getuid?.() === 0 ? false : 'NOT TESTED: only root mounts a disk'

test('a full disk refuses writes by name, reads and watchers go on, and writes are taken again when there is space', {
  skip: noMount,
}, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'zproc-full-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', folder])
  const server = await startServer(null, { backend: 'inline', data: join(folder, 'data') })
  const state = new State<AnyState>(server.address)
  t.after(async () => {
    await state.close()
    await server.stop()
    execFileSync('umount', [folder])
    rmSync(folder, { recursive: true })
  })
  await state.set('n', 0)
  const filler = join(folder, 'filler')
  writeFileSync(filler, Buffer.alloc(20 << 20))
  const block = new Uint8Array(500_000)
  let written = 0
  let refused: unknown
  while (refused === undefined && written < 100) {
    await state.update({ n: written + 1, block }).then(
      () => written++,
      error => {
        refused = error
      },
    )
  }
  assert.equal((refused as { code: string }).code, 'ZPROC_STORAGE')
  assert.match((refused as Error).message, /ENOSPC|no space/)
  // Nothing of it was done, and everything else goes on.
  assert.equal(await state.get('n'), written)
  assert.deepEqual(await state.fork().getWhenEqual('n', written), await state.copy())
  truncateSync(filler, 0)
  for (;;) {
    const taken = await state.update({ n: -1, block }).then(
      () => true,
      (error: { code: string }) => {
        assert.equal(error.code, 'ZPROC_STORAGE')
        return false
      },
    )
    if (taken) break
  }
  assert.equal(await state.get('n'), -1)
})

test('while a disk is full the next segment is made again and again, but one at a time', async () => {
  const disk = new CountingDisk()
  const options = { durability: 'commit' as const, segmentBytes: 4096 }
  const { manifest, tail } = await openLog(disk, { log: 'test', ...options }, { snapshot() {}, block() {} })
  disk.capacity = 6000
  const events = { passed() {}, failed: assert.fail, closed() {} }
  const journal = new Journal(disk, manifest, tail, options, events)
  const refused = () => {
    try {
      journal.reserve(5000)
      return false
    } catch (error) {
      assert.equal((error as { code: string }).code, 'ZPROC_STORAGE')
      return true
    }
  }
  for (let turn = 0; turn < 50 || !refused(); turn++) {
    assert.ok(turn < 1000)
    for (let i = 0; i < 10; i++) refused()
    await new Promise(setImmediate)
  }
  assert.ok(disk.made > 3, `${disk.made} were made`)
  assert.equal(disk.mostAtOnce, 1)
  disk.capacity = Number.POSITIVE_INFINITY
  for (let turn = 0; refused(); turn++) {
    assert.ok(turn < 1000)
    await new Promise(setImmediate)
  }
  await journal.close()
})

/** Counts how often files are written, and how many at once. */
class CountingDisk extends SimulatedDisk {
  made = 0
  mostAtOnce = 0
  #open = 0

  override async open(name: string): Promise<OpenFile> {
    const file = await super.open(name)
    if (!name.endsWith('.log')) return file
    this.made++
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#open)
    const close = async () => {
      this.#open--
      await file.close()
    }
    return {
      write: (bytes, at) => file.write(bytes, at),
      writeDurably: (bytes, at) => file.writeDurably(bytes, at),
      sync: () => file.sync(),
      close,
    }
  }
}

test('after a sync that failed nothing counts as written any more', async () => {
  const disk = new SimulatedDisk()
  const options = { durability: 'commit' as const, segmentBytes: 4096 }
  const ignored = { snapshot() {}, block() {} }
  const { manifest, tail } = await openLog(disk, { log: 'test', ...options }, ignored)
  let passed = 0
  const failed: Error[] = []
  const journal = new Journal(disk, manifest, tail, options, {
    passed: sequence => {
      passed = sequence
    },
    failed: error => failed.push(error),
    closed: () => {},
  })
  journal.add([Kept.ended, 1])
  await journal.sync()
  assert.equal(passed, 1)
  disk.failSync = true
  journal.add([Kept.ended, 2])
  await assert.rejects(journal.sync(), { code: 'ZPROC_STORAGE', message: /EIO/ })
  assert.equal(passed, 1)
  assert.equal(failed.length, 1)
  assert.throws(() => journal.reserve(1), { code: 'ZPROC_STORAGE' })
  await journal.close()
})
