// `zproc completion`: what it prints is read by the shells themselves. zsh and fish are tried where they are installed,
// as they are in CI, which sets ZPROC_SHELLS=required.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { completion } from '../../src/cli/completion.ts'
import { help } from '../../src/cli/help.ts'
import { options } from '../../src/cli/options.ts'
import { commands } from './kit.ts'

function missing(shell: string): false | string {
  if (spawnSync(shell, ['-c', 'exit 0']).status === 0) return false
  const why = `there is no ${shell} here`
  if (process.env.ZPROC_SHELLS === 'required') throw new Error(why)
  return why
}

/** The file that a shell reads, in a folder of its own with the folder `some folder` in it. */
async function written(t: TestContext, shell: string): Promise<{ folder: string; file: string }> {
  const { stdout } = await commands(t).run(completion, shell)
  const folder = mkdtempSync(join(tmpdir(), 'zproc-completion-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, '_zproc')
  writeFileSync(file, stdout)
  writeFileSync(join(folder, 'key one'), '')
  return { folder, file }
}

const WITH_ALL = Object.keys(options).sort()

test('bash completes commands, words, options and files', { skip: missing('bash') }, async t => {
  const { folder, file } = await written(t, 'bash')
  const complete = (...words: string[]): string[] => {
    const script = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _zproc; printf '%s\\n' "\${COMPREPLY[@]}"`
    const answer = execFileSync('bash', ['--norc', '-uc', script, file, 'zproc', ...words], {
      cwd: folder,
      encoding: 'utf8',
    })
    return answer.split('\n').filter(Boolean).sort()
  }
  assert.deepEqual(complete(''), [...WITH_ALL, 'help'].sort())
  assert.deepEqual(complete('st'), ['status', 'stop'])
  for (const [name, of] of Object.entries(options)) {
    const flags = complete(name, 'x', '--')
    assert.deepEqual(
      flags,
      Object.keys(of)
        .map(option => `--${option}`)
        .sort(),
    )
  }
  assert.deepEqual(complete('set', 'a', 'b', '--wr'), ['--write'])
  assert.deepEqual(complete('log', 'ver'), ['verify'])
  assert.deepEqual(complete('status', '--key-file', 'ke'), ['key one'])
  assert.deepEqual(complete('set', 'a', 'b', '1', '--ttl', ''), [])
  assert.deepEqual(complete('nonsense', '--'), [])
})

test('zsh completes them', { skip: missing('zsh') }, async t => {
  const { folder, file } = await written(t, 'zsh')
  const answer = execFileSync(
    'zsh',
    [
      '-fc',
      `zmodload zsh/zpty
zpty -b z zsh -f -i
zpty -w z "PROMPT=; autoload -U compinit; compinit -u -D; source $1; bindkey '^I' complete-word; zle -N answer; answer() { print -r -- \\"LINE<\\$BUFFER>END\\"; BUFFER= }; bindkey '^X' answer; print -r -- RE''ADY"
all= part=
until_() { all=; while [[ $all != *$1* ]]; do zpty -rt z part && all+=$part || sleep 0.02; done }
until_ READY
for line in "\${@:2}"; do
  zpty -w -n z "$line"$'\\t\\x18'
  until_ '>END'
  print -r -- "\${\${all##*LINE<}%%>END*}"
done`,
      'zsh',
      file,
      ...['zproc compl', 'zproc set a b --wr', 'zproc log ver', 'zproc status --key-file ke'],
    ],
    { encoding: 'utf8', cwd: folder, timeout: 60_000 },
  )
  assert.deepEqual(answer.split('\n').slice(0, -1), [
    'zproc completion ',
    'zproc set a b --write ',
    'zproc log verify ',
    'zproc status --key-file key\\ one ',
  ])
})

test('fish completes them, with what they do', { skip: missing('fish') }, async t => {
  const { folder, file } = await written(t, 'fish')
  const complete = (line: string): string[] => {
    const script = 'source $argv[1]; complete -C $argv[2]'
    const env = { ...process.env, HOME: folder }
    return execFileSync('fish', ['-c', script, file, line], { encoding: 'utf8', cwd: folder, env })
      .split('\n')
      .filter(Boolean)
  }
  const all = complete('zproc ').map(line => line.split('\t'))
  assert.deepEqual(all.map(([name]) => name).sort(), WITH_ALL)
  for (const [name, words] of all) assert.ok(words && help.includes(words), `${name}: ${words}`)
  assert.deepEqual(complete('zproc set a b --wr'), ['--write'])
  assert.deepEqual(complete('zproc log ver'), ['verify'])
  assert.deepEqual(complete('zproc status --key-file ke'), ['key one'])
})

test('another shell is a mistake that says which there are', async t => {
  const { run } = commands(t)
  await assert.rejects(run(completion, 'tcsh'), { message: "bash, zsh or fish, got 'tcsh'" })
  await assert.rejects(run(completion), { message: 'bash, zsh or fish, got nothing' })
})
