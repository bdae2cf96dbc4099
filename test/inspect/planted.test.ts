// What `zproc status`, `top`, `tree` and the page say of planted faults: examples/41-planted-faults.ts, as its user has it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { blankPage, noChromium } from '../kit/chromium.ts'
import { program } from '../kit/programs.ts'
import { zproc } from '../map/hosts.ts'
import { inspector } from './kit.ts'

const source = readFileSync(new URL('../../examples/41-planted-faults.ts', import.meta.url), 'utf8')

const verdicts = [
  /^deadlock: pid \d+ \((?:other )?clerk\) has (orders|stock) and waits for (orders|stock), pid \d+ \((?:other )?clerk\) has/,
  /^orders is locked by pid \d+ \(clerk\) in settle for \d+ (s|ms|min); 1 call waits$/,
  /^stock is locked by pid \d+ \(other clerk\) in settle for \d+ (s|ms|min); 1 call waits$/,
  /^worker \d+ \(pid \d+\) has had items? 3( to \d+)? for \d+ s; its event loop has not turned for \d+ s$/,
  /^baker restarted \d+ times in 10 s, the last time with exit code 1$/,
  /^a reader of news in pid \d+ \(reader\) is [\d,]+ commits behind.*: it has not used what it was sent for/,
]

function assertAll(lines: string[], where: string): void {
  for (const form of verdicts)
    assert.ok(
      lines.some(line => form.test(line)),
      `${where} says nothing like ${form}:\n${lines.join('\n')}`,
    )
}

/** The address of a server with all of the faults. */
async function planted(t: TestContext): Promise<string> {
  const faults = program(t, source, ['stay'])
  const address = /^npx zproc status (\S+)$/.exec((await faults.line()) ?? '')?.[1] ?? assert.fail()
  for (let i = 0; i < 4; i++) await faults.line()
  return address
}

test('status, top, tree and the page say in words what is wrong with a program that has four faults', {
  timeout: 180_000,
  skip: process.platform === 'win32' && 'no signal reaches a program there',
}, async t => {
  const address = await planted(t)

  const status = await zproc(t, 'status', address).ended()
  assert.equal(status.code, 4, status.stderr)
  const said = status.stdout.split('\n').filter(line => line.startsWith('! '))
  assertAll(
    said.map(line => line.slice(2)),
    'status',
  )

  const top = await zproc(t, 'top', address, '--count', '3', '--interval', '500', '--json').ended()
  const last = JSON.parse(top.stdout.trimEnd().split('\n').at(-1) ?? '')
  assertAll(last.stuck, 'top')

  const tree = (await zproc(t, 'tree', address).ended()).stdout
  assert.match(tree, /─ baker \(pid .*attempt \d+.*ended with exit code 1/)
  assert.match(tree, /─ worker \d+ \(pid \d+\) {2}item 3 of thumbnail for \d+ s, silent/)
  t.diagnostic(`\n${status.stdout}\n${tree}`)

  if (noChromium) return t.diagnostic(noChromium)
  const { inspector: served } = await inspector(t, { address })
  const { page, errors } = await blankPage(t)
  await page.goto(served.url)
  const stuck = page.getByRole('region', { name: 'What is stuck' }).getByRole('listitem')
  await stuck.nth(verdicts.length - 1).waitFor()
  assertAll(await stuck.allTextContents(), 'the page')
  if (process.env.ZPROC_SHOTS) await page.screenshot({ path: `${process.env.ZPROC_SHOTS}/planted.png` })
  await page.getByRole('button', { name: 'Server', exact: true }).click()
  const processes = page.getByRole('region', { name: 'Processes', exact: true })
  const bad = processes.locator('tr.bad')
  await bad.filter({ hasText: 'item 3 of thumbnail' }).waitFor()
  await bad.filter({ hasText: 'baker' }).waitFor()
  await page
    .getByRole('region', { name: 'Locks' })
    .getByRole('row', { name: /^orders/ })
    .getByText(/by other clerk/)
    .waitFor()
  await processes.getByRole('button', { name: /^Last lines of baker/ }).click()
  await page
    .getByRole('region', { name: 'Last lines of baker' })
    .getByText('baker: the oven is on fire')
    .first()
    .waitFor()
  await processes.getByRole('button', { name: /^Last lines of clerk/ }).click()
  await page.getByText("with the option prefix, or stdio: 'pipe', it is.").waitFor()
  if (process.env.ZPROC_SHOTS)
    await page.screenshot({ path: `${process.env.ZPROC_SHOTS}/planted-server.png`, fullPage: true })
  assert.deepEqual(errors, [])
})
