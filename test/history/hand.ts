import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { runClient } from './client.ts'
import { END, type Job, type Said } from './hands.ts'

// The program of a process that is a client: a line says what to do, lines say what happens. They are written at once, not
// when there is time: what was begun is on record when the process is killed.

const say = (said: Said): void => {
  const bytes = Buffer.from(`${JSON.stringify(said)}${END}\n`)
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at)
}

const lines = createInterface({ input: process.stdin })
lines.on('line', line => {
  const { workload, place } = JSON.parse(line) as Job
  const progress = { called: () => say('called'), isOver: () => false }
  runClient(workload, place, entry => say({ entry }), progress).then(
    () => say('ended'),
    error => say({ failed: String(error?.stack ?? error) }),
  )
})
lines.on('close', () => process.exit())
say('ready')
