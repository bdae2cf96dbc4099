import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chart } from './chart.ts'
import { machine } from './machine.ts'
import { shown, type Table } from './report.ts'

const PICTURES = join('docs', 'benchmarks')

/** Writes docs/benchmarks.md and its pictures from what was measured. */
export function writeDocs(tables: Table[]): void {
  rmSync(PICTURES, { recursive: true, force: true })
  mkdirSync(PICTURES, { recursive: true })
  const peers = JSON.parse(readFileSync(join('bench', 'package.json'), 'utf8')).dependencies as Record<
    string,
    string
  >
  const files = [...new Set(tables.map(({ file }) => file))]
  const page = [
    '# How fast, against whom',
    '',
    'Written by `npm run bench -- --docs`. Every table is one run: its rows were measured in turn, in the same layout of',
    'processes, after rounds that do not count. A figure is the median; the middle half of the rounds lies between the next',
    'two; the last column compares with the first row, round by round.',
    '',
    `${machine()}. Peers: ${Object.entries(peers)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
    '',
    'The Python original (its version of October 2018, on Python 3.11, on a machine like this one): an awaited set 5,600 a',
    'second with 10 keys and 1,500 with 1,000; a ping-pong between two watchers 620 µs and 2,160 µs; contended atomics 4,200',
    'a second.',
    '',
    ...files.flatMap(file => section(file, tables)),
  ]
  writeFileSync(join('docs', 'benchmarks.md'), page.join('\n'))
}

function section(file: string, tables: Table[]): string[] {
  const [first = ''] = readFileSync(join('bench', `${file}.ts`), 'utf8').split('\n')
  const lines = [`## ${file}`, '', first.replace(/^\/\/ /, ''), '']
  tables
    .filter(table => table.file === file)
    .forEach((table, i) => {
      const picture = `${file}-${i + 1}.svg`
      writeFileSync(join(PICTURES, picture), chart(table))
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
        `![${table.title}](benchmarks/${picture})`,
        '',
      )
    })
  return lines
}
