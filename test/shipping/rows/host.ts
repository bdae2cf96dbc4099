// This side: sends the rows to a child, one by one, and writes down how each went.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { shipAtomic } from '../../../src/shipping/atomic.ts'
import { ship } from '../../../src/shipping/ship.ts'
import type { Row } from './row.js'

export interface Outcome {
  group: string
  name: string
  refused: boolean
  /** What went wrong, or nothing. */
  problem: string | undefined
}

interface Answer {
  value?: unknown
  error?: string
}

export async function runRows(rows: Row[], child: string): Promise<Outcome[]> {
  const other = fork(child, { serialization: 'advanced', env: process.env })
  try {
    const outcomes: Outcome[] = []
    for (const row of rows) {
      if (row.not?.includes(process.env.ROWS_ENVIRONMENT ?? '')) continue
      const problem = row.refused === undefined ? await sent(row, other) : refused(row)
      outcomes.push({ group: row.group, name: row.name, refused: row.refused !== undefined, problem })
    }
    return outcomes
  } finally {
    other.kill()
  }
}

async function sent(row: Row, other: ChildProcess): Promise<string | undefined> {
  try {
    row.before?.()
    const shipped = () => (row.atomic ? shipAtomic(row.fn) : ship(row.fn, { call: 'ctx.process(fn)' }))
    const { bytes, hash } = shipped()
    // The second time more of the script is looked at, to see what may change: the same must come of it.
    if (shipped().hash !== hash) return 'was another one the second time'
    other.send({ bytes, atomic: row.atomic ?? false })
    const [answer] = (await once(other, 'message')) as [Answer]
    if (answer.error !== undefined) return `failed there: ${answer.error}`
    if (isDeepStrictEqual(answer.value, row.expected)) return undefined
    return `gave ${JSON.stringify(show(answer.value))}, not ${JSON.stringify(show(row.expected))}`
  } catch (error) {
    return `not sent: ${error instanceof Error ? error.stack : String(error)}`
  }
}

function refused(row: Row): string | undefined {
  const call = `ctx.process(${row.fn.name || 'fn'})`
  try {
    if (row.atomic) shipAtomic(row.fn)
    else ship(row.fn, { call })
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ShippingError') return `threw ${String(error)}`
    const place = /\((\S+):(\d+)\)/.exec(error.message)
    // The advice at the end depends on the environment, and has tests of its own: see importable.test.ts.
    const message = error.message
      .replace(/\((\S+):(\d+)\)/, '(FILE:LINE)')
      .replace(/ Or (?:export|put) .* the other side imports it\.$/, '')
    if (message !== row.refused) return `said "${error.message}"`
    return place?.[1] && placeIsRight(place[1], Number(place[2]), message)
      ? undefined
      : `place: ${place?.[0]}`
  }
  return 'was sent'
}

/** The line that the message names has the word that it talks of. */
function placeIsRight(path: string, line: number, message: string): boolean {
  const words = [...message.matchAll(/`([#\w.]+)/g)].map(([, word]) => word?.replace(/\..*$/, ''))
  const text = readFileSync(path, 'utf8').split('\n')[line - 1] ?? ''
  // The last but one name is a function, the last the variable that it uses; advice may follow.
  return words.some(word => word !== undefined && text.includes(word))
}

function show(value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : Array.isArray(value) ? value.map(show) : value
}
