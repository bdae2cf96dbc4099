// What a program gets that starts servers and processes: one line for each. See runtimes.test.ts.
import { Context, Process, startServer } from 'zproc'

const target = new URL('./client.mjs', import.meta.url)
const starts = {
  'a server process': () => startServer(),
  'a server thread': () => startServer(null, { backend: 'thread' }),
  'a server inline': () => startServer(null, { backend: 'inline' }),
  'a Context': () => new Context().ping(),
  'a process': () => new Process(target, process.argv[2]).wait(),
  'a thread': () => new Process(target, process.argv[2], { backend: 'thread' }).wait(),
}
for (const [name, start] of Object.entries(starts)) {
  const said = await Promise.resolve()
    .then(start)
    .then(
      () => 'started',
      error => `${error.name}: ${error.message}`,
    )
  console.log(`${name}: ${said}`)
}
process.exit()
