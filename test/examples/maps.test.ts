import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linesOf } from './printed.ts'
import { runExample } from './run.ts'

/** Exactly what an example prints; figures that differ from run to run are shown as N. */
const printed: Record<string, string[]> = {
  '21-map-basics.ts': ['[ 1, 4, 9, 16 ]', '25', '36', '49'],
  '22-map-common-arguments.ts': ['0, 1, 8, 27, 64, ... 941192, 970299', 'by 10 workers'],
  '23-map-mapped-arguments.ts': ['[ 4, 9, 36, 256 ]'],
  '24-map-mapped-kwargs.ts': ['1007', '3132', '298023223876953132', '736', '132', '65543', '8'],
  '26-run.ts': ['[ 6765, 10946 ]', '[ [ 0, 17711 ], [ 1, 1 ], [ 2, 1 ] ]'],
  '25-map-downloader.ts': [
    'a process for each: 1 2 3 4 5 6 7 8 9 10 11 12',
    '  in N ms',
    'a map: 1 2 3 4 5 6 7 8 9 10 11 12',
    '  in N ms',
  ],
}

for (const [name, lines] of Object.entries(printed))
  test(`${name} prints exactly what it should`, async () => {
    const { code, stdout, stderr } = await runExample(name, {})
    assert.equal(stderr, '')
    assert.equal(code, 0, stdout)
    assert.deepEqual(
      linesOf(stdout).map(line => line.replace(/\d+ ms$/, 'N ms')),
      lines,
    )
  })
