// Copies of the project, each with one thing broken that the durable log rests on: the rung of tests that is to hold it fails.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Broken {
  what: string
  file: string
  from: string
  to: string
  /** The test that fails, its settings, and what it says. */
  by: string
  env?: Record<string, string>
  /** Part of its name, where the file has others that take long. */
  name?: string
  says: RegExp
}

// What a power cut does to blocks that were not synced: they are gone, or the log has a hole and is refused.
const LOST = /records are left; \d+ had passed|blocks behind it are whole|later segments are written/

const all: Broken[] = [
  {
    what: 'commits count as written before they are synced',
    file: 'src/storage/journal.ts',
    from: 'await this.#file.writeDurably(bytes, offset)',
    to: 'await this.#file.write(bytes, offset)',
    by: 'test/storage/power-cut.test.ts',
    env: { POWER_CUTS: '2000' },
    says: LOST,
  },
  {
    what: 'what a process wrote that was killed is read before it is synced',
    file: 'src/storage/log.ts',
    from: ' else await syncSegment(disk, tail.segment)',
    to: '',
    by: 'test/storage/power-cut.test.ts',
    env: { POWER_CUTS: '2000' },
    says: LOST,
  },
  {
    what: 'old files are removed before the manifest no longer names them',
    file: 'src/storage/checkpoint.ts',
    from: '  await manifest.change(next => {',
    to: '  for (const file of names) await disk.remove(file)\n  await disk.sync()\n  await manifest.change(next => {',
    by: 'test/storage/crash-points.test.ts',
    env: { VARIANTS: '1' },
    says: /the file is missing/,
  },
  {
    what: 'the manifest is renamed before it is synced',
    file: 'src/storage/manifest.ts',
    from: '    await file.sync()\n',
    to: '',
    by: 'test/storage/crash-points.test.ts',
    says: /checksum does not match/,
  },
  {
    what: 'the answers of requests are not kept',
    file: 'src/storage/answers.ts',
    from: '    this.#ids[at] = id\n',
    to: '',
    by: 'test/storage/asked-again.test.ts',
    says: /seed \d+: /,
  },
  {
    what: 'the answers of requests are not kept, and the server is killed',
    file: 'src/storage/answers.ts',
    from: '    this.#ids[at] = id\n',
    to: '',
    by: 'test/storage/kills-commit.test.ts',
    env: { KILLS: '6' },
    says: /not ok 1 /,
  },
  {
    what: 'calls that had made no commit are carried out once more',
    file: 'src/server/again.ts',
    from: '    return next && next[1] - 1',
    to: '    return undefined',
    by: 'test/storage/asked-again.test.ts',
    says: /seed \d+: /,
  },
  {
    what: 'the checksum of a block is not compared',
    file: 'src/storage/blocks.ts',
    from: ' && crc32(payload) === header.readUInt32BE(20)',
    to: '',
    by: 'test/storage/damage.test.ts',
    env: { DAMAGES: '900' },
    says: /not ok .* with a (bit|byte)/,
  },
  {
    what: 'old commits are numbered one too high',
    file: 'src/storage/rewind.ts',
    from: '    const begins = cursor.revision + 1',
    to: '    const begins = cursor.revision + 2',
    by: 'test/storage/past.test.ts',
    env: { ROUNDS: '300' },
    name: 'each is found on disk',
    says: /\d+ !== \d+/,
  },
]

// Node 20 reports in tap, later versions not.
const RUN = ['--import', 'tsx', '--test', '--test-reporter=tap', '--test-timeout=120000']

/** A copy of the project with that broken. */
function brokenCopy(t: TestContext, { file, from, to }: Broken): string {
  const folder = mkdtempSync(join(tmpdir(), 'zproc-broken-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const part of ['src', 'test', 'package.json', 'tsconfig.json'])
    cpSync(join(root, part), join(folder, part), {
      recursive: true,
      filter: path => !path.includes('node_modules'),
    })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const source = readFileSync(join(folder, file), 'utf8')
  assert.equal(source.split(from).length, 2, `${file} does not hold once: ${from}`)
  writeFileSync(join(folder, file), source.replace(from, to))
  return folder
}

for (const broken of all)
  test(`it is found when ${broken.what}`, async t => {
    const cwd = brokenCopy(t, broken)
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const child = spawn(process.execPath, [...RUN, `--test-name-pattern=${broken.name ?? '.'}`, broken.by], {
      cwd,
      env: { ...env, ...broken.env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    child.stdout.on('data', chunk => {
      said += chunk
    })
    const code = await new Promise(resolve => child.on('close', resolve))
    assert.equal(code, 1, said)
    assert.match(said, broken.says)
  })
