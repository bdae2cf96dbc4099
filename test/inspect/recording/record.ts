// Films the page of `zproc inspect` in Chromium, and takes its pictures:
// `npm run build && npx tsx test/inspect/recording/record.ts docs`
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import { atomic, Context, startServer } from 'zproc'
import { startInspector } from '../../../src/inspect/start.ts'
import { needsPage } from '../../kit/build.ts'
import { elsewhere } from '../../kit/elsewhere.ts'
import { animated, type Frame } from './apng.ts'

const folder = process.argv[2]
if (!folder) throw new TypeError('record: the folder to be written to is missing')
needsPage()

/** Milliseconds from one frame to the next, and the size of the page. */
const EVERY = 200
const SIZE = { width: 1100, height: 720 }
const STILL = { width: 1280, height: 800 }

interface Shop {
  stock: Record<string, number>
  orders: { id: number; item: string; state: string }[]
  sold: number
}

const server = await startServer(null, { atomicTimeout: 60_000 })
const ctx = new Context<Shop>(server.address, { prefix: true, spares: 0 })
await ctx.state.set({ stock: { oat: 900, nut: 400, rye: 650 }, orders: [], sold: 0 })

const sell = atomic(function sell(shop: Shop, item: string, id: number) {
  shop.stock[item] = (shop.stock[item] ?? 0) - 1
  shop.sold++
  shop.orders = [...shop.orders.slice(-3), { id, item, state: 'packed' }]
})
for (const [i, item] of ['oat', 'nut', 'rye'].entries())
  ctx.process(
    async (state, what: string, first: number) => {
      for (let id = first; ; id += 3) {
        await sell(state, what, id)
        await new Promise(resolve => setTimeout(resolve, 120 + 60 * first))
      }
    },
    { name: `${item} till`, args: [item, i], stdio: 'pipe', prefix: false },
  )
const printer = ctx.process(
  async () => {
    for (let n = 1; ; n++) {
      console.log(`label ${n} is printed`)
      await new Promise(resolve => setTimeout(resolve, 700))
    }
  },
  { name: 'label printer', stateful: false, stdio: 'pipe', prefix: false },
)
printer.stdout?.resume()
const label = (n: number) => {
  // One label jams the printer.
  if (n === 2) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  return n
}
const labels = ctx.processMap(label, [1, 2, 3], { chunkSize: 1 })
labels.toArray().catch(() => {})

const inspector = await startInspector({
  // By another name of the address it is a client of its own, as the command is.
  address: elsewhere(server.address),
  secretKey: undefined,
  namespace: 'default',
})
const name = ['chromium', 'google-chrome-stable', 'google-chrome'].find(
  one => !spawnSync(one, ['--version']).error,
)
const browser = await chromium.launch({
  executablePath: spawnSync('which', [name ?? 'chromium'], { encoding: 'utf8' }).stdout.trim(),
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
})
const page = await browser.newPage({ viewport: SIZE, colorScheme: 'light' })
const frames: Frame[] = []
await page.goto(inspector.url)
await page.getByText('worker').first().waitFor()
await page.getByText(/has had item/).waitFor()
await film(page, 3000)
const slider = page.getByRole('slider', { name: 'Revision' })
await slider.focus()
for (let i = 0; i < 6; i++) {
  await page.keyboard.press('ArrowLeft')
  await film(page, 2 * EVERY)
}
await film(page, 800)
await page.getByRole('button', { name: 'Go live' }).click()
await film(page, 800)
await page.getByRole('button', { name: 'Server', exact: true }).click()
await page.getByRole('button', { name: /^Last lines of label printer/ }).click()
const lines = page.getByRole('region', { name: 'Last lines of label printer' }).getByRole('listitem')
await lines.first().waitFor()
await lines.last().scrollIntoViewIfNeeded()
await film(page, 3000)

await page.setViewportSize(STILL)
await page.getByRole('button', { name: 'State', exact: true }).click()
await page.getByRole('treeitem').first().waitFor()
await page.screenshot({ path: join(folder, 'inspector.png') })
await page.emulateMedia({ colorScheme: 'dark' })
await slider.focus()
await page.keyboard.press('ArrowLeft')
await page.getByRole('list', { name: 'What this commit changed' }).waitFor()
await page.screenshot({ path: join(folder, 'inspector-past.png') })

await browser.close()
await inspector.close()
await ctx.close()
await server.stop()
writeFileSync(join(folder, 'inspector-film.png'), animated(frames))
console.log(`${frames.length} frames, ${frames.reduce((sum, { ms }) => sum + ms, 0)} ms`)

/** Takes frames for so long. */
async function film(of: Page, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= EVERY) {
    const began = performance.now()
    frames.push({ png: await of.screenshot({ type: 'png', caret: 'initial' }), ms: EVERY })
    await of.waitForTimeout(Math.max(0, EVERY - (performance.now() - began)))
  }
}
