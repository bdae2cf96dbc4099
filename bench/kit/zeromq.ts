// A Map kept in a process behind a ROUTER; its clients have a DEALER each.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { randomIpcAddress } from '../../src/protocol/address.ts'
import type { Keeper, Kept } from './keeper.ts'
import { peer } from './peer.ts'
import { createTable, questions } from './table.ts'

const file = fileURLToPath(import.meta.url)

export async function start(): Promise<Kept | undefined> {
  if (!(await peer('zeromq'))) return undefined
  const address = randomIpcAddress()
  const child = fork(file, [address])
  await once(child, 'message')
  return {
    address,
    stop: () => {
      child.kill()
      rmSync(address.slice('ipc://'.length), { force: true })
    },
  }
}

export async function ask(address: string): Promise<Keeper> {
  const { Dealer } = await peer('zeromq')
  const dealer = new Dealer()
  dealer.connect(address)
  // A socket takes one message at a time: they stand in line.
  let line = Promise.resolve()
  const asked = questions((...question) => {
    line = line.then(() => dealer.send(JSON.stringify(question)))
  })
  void hear()
  return { ...asked, close: () => dealer.close() }

  async function hear(): Promise<void> {
    for await (const [text] of dealer) {
      const [id, answer] = JSON.parse(text.toString())
      asked.answered(id, answer)
    }
  }
}

if (process.send && process.argv[1] === file) {
  const { Router } = await peer('zeromq')
  const router = new Router()
  await router.bind(process.argv[2])
  process.on('disconnect', () => process.exit())
  process.send('ready')
  const table = createTable()
  for await (const [client, text] of router) {
    const [id, operation, key, value] = JSON.parse(text.toString())
    await router.send([client, JSON.stringify([id, table(operation, key, value)])])
  }
}
