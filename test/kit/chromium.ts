import { spawnSync } from 'node:child_process'
import { after, type TestContext } from 'node:test'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const found = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'].find(
  name => !spawnSync(name, ['--version']).error,
)

/** false: there is a browser to test with; else why there is none. CI sets ZPROC_CHROMIUM=required: then it is a failure. */
export const noChromium: false | string = found ? false : 'NOT TESTED: no chromium is on the PATH'
if (noChromium && process.env.ZPROC_CHROMIUM === 'required') throw new Error(noChromium)
if (noChromium) console.error(`\n!!! ${noChromium}\n`)

let browser: Promise<Browser> | undefined
after(async () => (await browser)?.close())

/** A page of a browser that knows nothing yet, and what went wrong in it: nothing is to. */
export async function blankPage(
  t: TestContext,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; errors: string[] }> {
  browser ??= chromium.launch({
    executablePath: spawnSync('which', [found as string], { encoding: 'utf8' }).stdout.trim(),
    // Root has no sandbox; containers have little shared memory.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  })
  const context = await (await browser).newContext({ viewport: { width: 1280, height: 800 }, ...options })
  t.after(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const errors: string[] = []
  page.on('console', message => message.type() === 'error' && errors.push(message.text()))
  page.on('pageerror', error => errors.push(String(error)))
  return { page, errors }
}
