// What a test run prints: a line for each file, each failure as it happens, and all failures once more at the end, where a
// log of which only the end is kept still has them. JavaScript: node loads reporters before tsx.
import { relative, resolve } from 'node:path'
import { inspect } from 'node:util'

/** Failures that are printed whole at the end. */
const WHOLE = 20

// Node 20 names a file by its whole path, later ones by the path that they were given.
const isFile = ({ name, file }) => resolve(name) === file

const seconds = ms => `${(ms / 1000).toFixed(1)} s`

const shown = file => relative(process.cwd(), file)

const isSkipped = ({ skip }) => skip !== undefined && skip !== false

function textOf(failure) {
  const { name, file = name, line, details } = failure
  const place = isFile(failure) ? shown(file) : `${shown(file)}:${line}: ${name}`
  const error = inspect(details.error?.cause ?? details.error).replace(/^/gm, '  ')
  return `FAILED ${place} (${seconds(details.duration_ms)})\n${error}\n`
}

export default async function* report(events) {
  const began = performance.now()
  const failures = []
  let passed = 0
  let skipped = 0
  for await (const { type, data } of events) {
    if (type === 'test:stdout' || type === 'test:stderr') yield data.message
    else if (type === 'test:diagnostic' && data.message.startsWith('Error:')) yield `${data.message}\n`
    else if (type === 'test:complete' && isFile(data))
      yield `${shown(data.name)} (${seconds(data.details.duration_ms)})\n`
    else if (type === 'test:pass' && isSkipped(data)) skipped++
    else if (type === 'test:pass' && data.details.type !== 'suite' && !isFile(data)) passed++
    else if (type === 'test:fail' && data.details.error?.failureType !== 'subtestsFailed') {
      const text = textOf(data)
      failures.push(text)
      yield text
    }
  }
  if (failures.length > 0) yield `\nAll that failed:\n\n${failures.slice(0, WHOLE).join('')}`
  if (failures.length > WHOLE) yield `… and ${failures.length - WHOLE} more, which are printed above.\n`
  const took = seconds(performance.now() - began)
  yield `\n${passed} passed, ${failures.length} failed, ${skipped} skipped in ${took}\n`
}
