import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chart } from './chart.ts'
import { machine } from './machine.ts'
import { isInstalled } from './peer.ts'
import { shown, type Table } from './report.ts'

const PICTURES = join('docs', 'benchmarks')

/** Writes docs/benchmarks.md and its pictures from what was measured. */
export function writeDocs(tables: Table[]): void {
  rmSync(PICTURES, { recursive: true, force: true })
  mkdirSync(PICTURES, { recursive: true })
  for (const table of tables) writeFileSync(join(PICTURES, picture(table, tables)), chart(table))
  writeFileSync(join('docs', 'benchmarks.md'), page(tables))
}

/** The text of docs/benchmarks.md. */
export function page(tables: Table[]): string {
  const files = [...new Set(tables.map(({ file }) => file))]
  return [
    '# How fast, against whom',
    '',
    'Written by `npm run bench -- --docs`. Every table is one run: its rows were measured in turn, in the same layout of',
    'processes, after rounds that do not count. A figure is the median; the middle half of the rounds lies between the next',
    'two; the last column compares with the first row, round by round.',
    '',
    `${machine()}. Peers: ${peers().join(', ')}.`,
    '',
    'The Python original (its version of October 2018, on Python 3.11, on a machine like this one): an awaited set 5,600 a',
    'second with 10 keys and 1,500 with 1,000; a ping-pong between two watchers 620 µs and 2,160 µs; contended atomics 4,200',
    'a second.',
    '',
    ...files.flatMap(file => section(file, tables)),
  ].join('\n')
}

/** Those that are there, with their versions. */
function peers(): string[] {
  const { dependencies } = JSON.parse(readFileSync(join('bench', 'package.json'), 'utf8'))
  const packages = Object.entries(dependencies as Record<string, string>)
    .filter(([name]) => isInstalled(name))
    .map(([name, version]) => `${name} ${version}`)
  try {
    const said = execFileSync('redis-server', ['--version'], { encoding: 'utf8' })
    return [...packages, `redis-server ${/v=(\S+)/.exec(said)?.[1]}`]
  } catch {
    return packages
  }
}

function section(file: string, tables: Table[]): string[] {
  const source = readFileSync(join('bench', `${file}.ts`), 'utf8')
  const question = /^(\/\/ .*\n)+/.exec(source)?.[0].replaceAll(/^\/\/ /gm, '') ?? ''
  const lines = [`## ${file}`, '', question]
  for (const table of tables.filter(table => table.file === file)) {
    const base = table.rows[0]?.name ?? ''
    lines.push(
      `### ${table.title}`,
      '',
      `| | ${table.unit} | middle half | ÷ ${base} |`,
      '| --- | ---: | ---: | ---: |',
      ...table.rows.map(
        ({ name, median, low, high, ratio }) =>
          `| ${name} | ${shown(median)} | ${shown(low)} – ${shown(high)} | ${ratio.toFixed(2)} |`,
      ),
      '',
      `![${table.title}](benchmarks/${picture(table, tables)})`,
      '',
    )
  }
  return lines
}

function picture(table: Table, tables: Table[]): string {
  return `${table.file}-${tables.filter(({ file }) => file === table.file).indexOf(table) + 1}.svg`
}
