// The tree of processes that `zproc tree` and the page of the inspector show.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ProcessDescription, SessionDescription } from 'zproc'
import { processLines } from '../../inspector/process-tree.ts'
import type { Processes } from '../../src/client/process-tree.ts'

test('programs that say of each other that they have started them are shown, each once', () => {
  const session = (number: number, pid: number): SessionDescription => ({
    session: number,
    is: 'program',
    name: `program ${number}`,
    pid,
    machine: 'local',
    since: 0,
    lost: null,
    states: 1,
    requests: 0,
    ephemeral: 0,
    silent: null,
  })
  const vitals = { memory: null, eventLoop: null, silent: null }
  const child = (of: number, pid: number): ProcessDescription => ({
    session: of,
    parent: 0,
    id: 1,
    name: `child ${pid}`,
    target: '',
    backend: 'process',
    pid,
    state: 'running',
    since: 0,
    attempt: 1,
    recentRestarts: 0,
    end: null,
    ...vitals,
  })
  const pids = [10, 11, 12, 13]
  const numbers = fc.nat(pids.length - 1)
  fc.assert(
    fc.property(fc.array(fc.tuple(numbers, numbers), { maxLength: 12 }), pairs => {
      const description: Processes = {
        asker: 99,
        sessions: pids.map((pid, i) => session(i, pid)),
        processes: pairs.map(([of, which]) => child(of, pids[which]!)),
        pools: [],
      }
      const lines = processLines(description, undefined)
      // Each child once, where it was said; each program as one of those, or by itself.
      assert.equal(lines.filter(({ id }) => id.startsWith('process')).length, pairs.length)
      for (const pid of pids) assert.ok(lines.some(line => line.pid === pid))
      // What was not started has no place below.
      const started = new Set(pairs.map(([, which]) => pids[which]))
      for (const pid of pids)
        if (!started.has(pid)) assert.ok(lines.some(line => line.pid === pid && line.depth === 0))
    }),
  )
})
