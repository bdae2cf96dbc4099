import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type AnyState, type Server, type ServerOptions, State, startServer } from 'zproc'

/** A server that can be ended and started again at its address, with its folder. */
export async function lasting(t: TestContext, options: ServerOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'zproc-restart-'))
  const address = `ipc://${join(folder, 'socket')}`
  const data = join(folder, 'data')
  const start = () => startServer(address, { backend: 'inline', data, ...options })
  let server: Server = await start()
  t.after(async () => {
    await server.stop()
    rmSync(folder, { recursive: true })
  })
  return {
    address,
    data,
    get pid() {
      return server.pid
    },
    state: (connectTimeout = 60_000) => {
      const state = new State<AnyState>(address, { connectTimeout })
      t.after(() => state.close())
      return state
    },
    restart: async () => {
      await server.stop()
      server = await start()
    },
    kill: async () => {
      process.kill(server.pid, 'SIGKILL')
      await server.exited
      server = await start()
    },
  }
}
