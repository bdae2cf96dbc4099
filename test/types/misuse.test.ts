import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'

/** `// TS2345: what is wrong`, and the lines that are: up to the next empty one. */
interface Misuse {
  code: string
  what: string
  file: string
  first: number
  last: number
}

interface Complaint {
  file: string
  line: number
  code: string
  message: string
}

const folder = 'test/types/misuse'
const complaints = compile()
const misuses = readdirSync(folder)
  .filter(file => file.endsWith('.ts'))
  .flatMap(file => misusesIn(join(folder, file).replaceAll('\\', '/')))

for (const misuse of misuses) {
  test(`does not compile: ${misuse.what}`, () => {
    const found = complaints.filter(complaint => isAbout(complaint, misuse))
    const seen = found.map(({ code, message }) => `${code}: ${message}`).join('\n') || 'it compiles'
    assert.ok(
      found.length > 0 && found.every(({ code }) => code === misuse.code),
      `${misuse.file}:${misuse.first} was to be ${misuse.code}\n${seen}`,
    )
  })
}

test('everything around the misuses compiles', () => {
  const others = complaints.filter(complaint => !misuses.some(misuse => isAbout(complaint, misuse)))
  assert.deepEqual(others, [])
})

function compile(): Complaint[] {
  const { stdout } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', folder], {
    encoding: 'utf8',
  })
  const found = stdout.matchAll(/^(\S+?)\((\d+),\d+\): error (TS\d+): (.*)$/gm)
  return Array.from(found, ([, file, line, code, message]) => ({
    file: file!.replaceAll('\\', '/'),
    line: Number(line),
    code: code!,
    message: message!,
  }))
}

function misusesIn(file: string): Misuse[] {
  const lines = readFileSync(file, 'utf8').split(/\r?\n/)
  return lines.flatMap((line, at) => {
    const mark = /^\s*\/\/ (TS\d+): (.+)$/.exec(line)
    if (!mark) return []
    const end = lines.findIndex((text, i) => i > at && text.trim() === '')
    return [{ code: mark[1]!, what: mark[2]!, file, first: at + 2, last: end < 0 ? lines.length : end }]
  })
}

function isAbout({ file, line }: Complaint, misuse: Misuse): boolean {
  return file === misuse.file && line >= misuse.first && line <= misuse.last
}
