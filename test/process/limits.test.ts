// Where the machine, or the container, gives less than usual: it works, or the call says what is lacking; nothing hangs.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Context } from 'zproc'
import { watchOver } from '../../src/lifeline/guard.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
// As it is built: a compiler of TypeScript has limits of its own here.
const zproc = new URL('../../dist/index.js', import.meta.url).href
const isRoot = process.geteuid?.() === 0

/** A directory that any user can enter, gone after the test. */
function directory(t: TestContext): string {
  const made = mkdtempSync('/tmp/zl-')
  chmodSync(made, 0o777)
  t.after(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** Runs a program in a shell that sets the limits first (`"$@"` is the program); what it printed, as JSON. */
async function under(
  t: TestContext,
  shell: string,
  source: string,
  env: NodeJS.ProcessEnv = {},
  flags: string[] = [],
) {
  const file = join(directory(t), 'program.mjs')
  writeFileSync(file, source.replaceAll("'zproc'", JSON.stringify(zproc)))
  chmodSync(file, 0o644)
  const command = [process.execPath, ...flags, file]
  const child = spawn('/bin/sh', ['-c', shell, 'sh', ...command], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.once('exit', watchOver(child.pid as number, 'first'))
  t.after(() => child.kill('SIGKILL'))
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', chunk => {
    stdout += chunk
  })
  child.stderr.on('data', chunk => {
    stderr += chunk
  })
  const code = await new Promise(resolve => child.once('close', resolve))
  assert.equal(code, 0, `exit code ${code}: ${stdout}\n${stderr}`)
  return { said: JSON.parse(stdout.trim().split('\n').at(-1) ?? ''), stderr }
}

const everything = `
  import { atomic, Context, startServer } from 'zproc'
  const results = {}
  const note = async (name, made) => {
    results[name] = await Promise.resolve().then(made).catch(error => error.name + ': ' + error.message)
  }
  const count = atomic(state => (state.n = (state.n ?? 0) + 1))
  for (const backend of ['process', 'thread']) {
    const ctx = new Context({ backend, serverBackend: backend })
    await note('process ' + backend, () => ctx.process(state => count(state)).wait())
    await note('map ' + backend, () => ctx.processMap(x => x * 2, [1, 2]).toArray())
    await note('error ' + backend, () => ctx.process(() => { throw new RangeError('as thrown') }).wait().catch(error => error.cause.message))
    await note('address ' + backend, () => ctx.serverAddress)
    await ctx.close()
  }
  await note('server', async () => { const server = await startServer(); await server.stop(); return 'stopped' })
  console.log(JSON.stringify(results))
`
function works(said: Record<string, unknown>, where: RegExp, backends = ['process', 'thread']): void {
  for (const backend of backends) {
    assert.equal(said[`process ${backend}`], 1)
    assert.deepEqual(said[`map ${backend}`], [2, 4])
    assert.equal(said[`error ${backend}`], 'as thrown')
    assert.match(String(said[`address ${backend}`]), where)
  }
  assert.equal(said.server, 'stopped')
}

test('a temporary directory with a long path', async t => {
  const long = join(directory(t), 'd'.repeat(90))
  mkdirSync(long)
  const runtime = directory(t)
  const { said } = await under(t, 'exec "$@"', everything, { TMPDIR: long, XDG_RUNTIME_DIR: runtime })
  works(said, new RegExp(`^ipc://${runtime}/zproc-`))
})

test('a temporary directory that is not there and cannot be made, and one that is read-only', async t => {
  assert.ok(isRoot, 'mounts need root')
  const none = await under(t, 'exec "$@"', everything, { TMPDIR: '/proc/none', XDG_RUNTIME_DIR: '' })
  works(none.said, /^ipc:\/\/\/tmp\/zproc-/)
  const place = directory(t)
  const mount = `mount -t tmpfs -o ro none ${place} && exec "$@"`
  const { said } = await under(t, `exec unshare -m /bin/sh -c '${mount}' sh "$@"`, everything, {
    TMPDIR: place,
    XDG_RUNTIME_DIR: '',
  })
  works(said, /^ipc:\/\/\/tmp\/zproc-/)
})

test('no directory for sockets at all is an error of the call, which names what was tried', () => {
  assert.ok(isRoot, 'mounts need root')
  const source = `
    import { Context, startServer } from 'zproc'
    const said = []
    try { new Context() } catch (error) { said.push(error.name, error.message) }
    await startServer().catch(error => said.push(error.name))
    console.log(JSON.stringify(said))
  `
  // The program's text comes with the command: there is no place for a file.
  // The repository may lie in /tmp itself, and Node in the repository.
  const shell = `mount --bind '${root}' /mnt && mount -t tmpfs -o ro none /tmp && mount -t tmpfs -o ro none /dev/shm && exec "$@"`
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    [
      '-m',
      '/bin/sh',
      '-c',
      shell,
      'sh',
      process.execPath.startsWith(root)
        ? join('/mnt', process.execPath.slice(root.length))
        : process.execPath,
      '--input-type=module',
      '-e',
      source.replaceAll("'zproc'", "'file:///mnt/dist/index.js'"),
    ],
    {
      cwd: '/',
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, TMPDIR: '/proc/none', XDG_RUNTIME_DIR: '/proc/none' },
    },
  )
  assert.equal(status, 0, stderr)
  const [name, message, other] = JSON.parse(stdout)
  assert.deepEqual([name, other], ['ZprocError', 'ZprocError'])
  assert.match(
    message,
    /no directory for zproc's sockets; set TMPDIR .*\/proc\/none.*\/tmp\/zproc-\d+: .*\/dev\/shm/,
  )
})

test('a user that /etc/passwd does not list', async t => {
  assert.ok(isRoot, 'another uid needs root')
  const place = directory(t)
  const { said } = await under(
    t,
    'exec setpriv --reuid=54321 --regid=54321 --clear-groups "$@"',
    everything,
    { TMPDIR: place, HOME: place },
  )
  works(said, new RegExp(`^ipc://${place}/zproc-54321/`))
})

test('a directory that is removed while the program runs', async t => {
  const source = `
    import { mkdirSync, rmSync } from 'node:fs'
    const gone = process.env.GONE
    mkdirSync(gone)
    process.chdir(gone)
    process.cwd()
    ${everything.replace('const results = {}', 'rmSync(gone, { recursive: true }); const results = {}')}
  `
  const { said } = await under(t, 'exec "$@"', source, { GONE: join(directory(t), 'release') })
  works(said, /^ipc:/, ['process'])
  // Node itself starts no thread there.
  assert.match(String(said['process thread']), /ENOENT.*uv_cwd/)
})

test('a program that was started in a directory which is removed', async t => {
  const place = join(directory(t), 'release')
  mkdirSync(place)
  const file = join(directory(t), 'program.mjs')
  writeFileSync(
    file,
    everything
      .replaceAll("'zproc'", JSON.stringify(zproc))
      .replace(
        'const results',
        `(await import('node:fs')).rmSync(${JSON.stringify(place)}, { recursive: true }); const results`,
      ),
  )
  const { stdout, stderr } = spawnSync(process.execPath, [file], {
    cwd: place,
    encoding: 'utf8',
    timeout: 60_000,
  })
  assert.notEqual(stdout, '', stderr)
  works(JSON.parse(stdout), /^ipc:/, ['process'])
})

test('too few files: what cannot be started says so, and the rest goes on', async t => {
  const source = `
    import { Context } from 'zproc'
    const ctx = new Context({ stateful: false, spares: 0, serverBackend: 'inline' })
    await ctx.ready
    const slow = () => new Promise(resolve => setTimeout(resolve, 500, 'ok'))
    const ends = await Promise.allSettled(Array.from({ length: 30 }, () => ctx.process(slow).wait()))
    const said = ends.map(end => end.status === 'fulfilled' ? end.value : end.reason.message)
    const later = await ctx.process(() => 'later').wait()
    const map = await ctx.processMap(x => x, [1, 2], { count: 1 }).toArray()
    await ctx.close()
    console.log(JSON.stringify({ said, later, map }))
  `
  const { said } = await under(t, 'ulimit -n 40; exec "$@"', source)
  const refused = said.said.filter((one: string) => one !== 'ok')
  assert.ok(refused.length > 0 && refused.length < 30, String(refused.length))
  for (const one of refused) assert.match(one, /cannot be started: EMFILE, .*ulimit -n/)
  assert.deepEqual([said.later, said.map], ['later', [1, 2]])
})

test('too few processes: as too few files', async t => {
  assert.ok(isRoot, 'a limit of processes needs a uid of its own')
  const place = directory(t)
  const source = `
    import { Context, startServer } from 'zproc'
    const ctx = new Context({ stateful: false, spares: 0, serverBackend: 'inline' })
    await ctx.ready
    const said = await ctx.process(() => 'started').wait().catch(error => error.message)
    const thread = await ctx.process(() => 'started', { backend: 'thread', retryFor: [Error], retryDelay: 1, maxRetries: 1, retryBoot: true }).wait().catch(error => error.message)
    const threadServer = await startServer(null, { backend: 'thread' }).then(() => 'started', error => error.name + ': ' + error.message)
    const server = await startServer().then(() => 'started', error => error.name + ': ' + error.message)
    console.log(JSON.stringify({ said, server, thread, threadServer }))
    await ctx.close()
    process.exit()
  `
  // The limit counts threads too: the program has its own by the time that it is lowered.
  const lowered = `import { spawnSync } from 'node:child_process'\nspawnSync('prlimit', ['--nproc=1:1', '--pid', String(process.pid)])\n${source}`
  const { said } = await under(t, 'exec setpriv --reuid=54322 --regid=54322 --clear-groups "$@"', lowered, {
    TMPDIR: place,
    HOME: place,
  })
  assert.match(said.said, /cannot be started: EAGAIN, /)
  assert.match(said.server, /^ConnectionError: .*EAGAIN/)
  assert.match(said.thread, /a thread cannot be started: EAGAIN, .*ulimit -u/)
  assert.match(said.threadServer, /^ConnectionError: .*a thread cannot be started: EAGAIN/)
})

test('a full disk: what needs a socket says so, the rest goes on, and with space again all works', async t => {
  assert.ok(isRoot, 'mounts need root')
  const place = directory(t)
  const source = `
    import { rmSync, writeFileSync } from 'node:fs'
    import { Context, startServer } from 'zproc'
    const ctx = new Context({ stateful: false, spares: 0 })
    await ctx.ready
    const fill = () => {
      for (let i = 0; ; i++)
        try {
          writeFileSync(process.env.TMPDIR + '/fill-' + i, '')
        } catch {
          return i
        }
    }
    const said = {}
    const note = async (name, act) => {
      said[name] = await Promise.resolve().then(act).catch(error => error.name + ': ' + error.message)
    }
    const all = async when => {
      await note(when + 'process', () => ctx.process(() => 'ok').wait())
      await note(when + 'map', () => ctx.processMap(x => x, [1, 2]).toArray())
      await note(when + 'run', () => ctx.run(x => x, 'ok'))
      for (const backend of ['process', 'thread'])
        await note(when + backend + ' server', async () => {
          const server = await startServer(null, { backend })
          await server.stop()
          return 'ok'
        })
    }
    const count = fill()
    await all('full, ')
    for (let i = 0; i < count; i++) rmSync(process.env.TMPDIR + '/fill-' + i)
    await all('')
    await ctx.close()
    console.log(JSON.stringify(said))
  `
  const mount = `mount -t tmpfs -o size=1m,nr_inodes=40 none ${place} && exec "$@"`
  const { said } = await under(t, `exec unshare -m /bin/sh -c '${mount}' sh "$@"`, source, {
    TMPDIR: place,
    XDG_RUNTIME_DIR: '',
  })
  assert.equal(said['full, process'], 'ok')
  for (const name of ['map', 'run', 'process server', 'thread server'])
    assert.match(said[`full, ${name}`], /ENOSPC/, name)
  const { process, map, run, 'process server': server, 'thread server': thread } = said
  assert.deepEqual(
    { process, map, run, server, thread },
    {
      process: 'ok',
      map: [1, 2],
      run: 'ok',
      server: 'ok',
      thread: 'ok',
    },
  )
})

test('frozen intrinsics', async t => {
  const { said } = await under(t, 'exec "$@"', everything, {}, ['--frozen-intrinsics', '--no-warnings'])
  works(said, /^ipc:/)
})

test('many processes and watchers on one AbortSignal print no warning, and leave no listener', async t => {
  const warnings: Error[] = []
  const warned = (warning: Error) => warnings.push(warning)
  process.on('warning', warned)
  t.after(() => process.off('warning', warned))
  const ctx = new Context({ serverBackend: 'inline', spares: 0, backend: 'thread', stateful: false })
  t.after(() => ctx.close())
  const controller = new AbortController()
  const { signal } = controller
  const waits = Array.from({ length: 30 }, () => ctx.state.getWhenEqual('never', 1, { signal }))
  const processes = Array.from({ length: 12 }, () => ctx.process(() => {}, { signal, start: false }))
  await new Promise(resolve => setTimeout(resolve, 10))
  assert.deepEqual(warnings, [])
  controller.abort(new Error('enough'))
  for (const end of await Promise.allSettled(waits)) assert.equal(end.status, 'rejected')
  for (const one of processes) await assert.rejects(one.wait(), /was stopped before it was started/)
})
