import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { all, linesOf, sorted } from './printed.ts'
import { runExample } from './run.ts'

/** What each example must have come to. Pids, and who was faster, differ from run to run: the outcome does not. */
const outcomes: Record<string, (lines: string[]) => void> = {
  '01-cookie-eater.ts'(lines) {
    const [[main, server]] = all(
      lines,
      /^The main program is pid (\d+)\. The state is kept by pid (\d+)\.$/,
    ) as [string[]]
    const baked = all(lines, /^baker (\d+): here is cookie (\d+)$/)
    const eaten = all(lines, /^eater (\d+): nom nom nom, the (\d+)\. of 10$/)
    const seen = all(lines, /^ {2}watcher (\d+): (baker|eater) (\d+) made (\d+) cookies (\d+)$/)
    const oneToTen = Array.from({ length: 10 }, (_, i) => i + 1)
    assert.deepEqual(sorted(baked.map(([, cookie]) => Number(cookie))), oneToTen)
    assert.deepEqual(sorted(eaten.map(([, cookie]) => Number(cookie))), oneToTen)

    // The watcher saw each change once, in order, and who made it.
    assert.equal(seen.length, 20)
    let cookies = 0
    for (const [, who, , before, after] of seen) {
      assert.equal(Number(before), cookies)
      cookies += who === 'baker' ? 1 : -1
      assert.equal(Number(after), cookies)
    }
    const by = (who: string) => seen.filter(line => line[1] === who).map(line => line[2])
    assert.deepEqual(sorted(by('baker')), sorted(baked.map(([pid]) => pid)))
    assert.deepEqual(sorted(by('eater')), sorted(eaten.map(([pid]) => pid)))

    const summaries = all(lines, /^(\w+) \(pid (\d+)\) (?:baked|ate|saw up to) (\d+) cookies/)
    assert.deepEqual(summaries.map(([who]) => who).sort(), ['baker', 'baker', 'eater', 'eater', 'watcher'])
    const ate = summaries.filter(([who]) => who === 'eater').map(([, , count]) => Number(count))
    assert.equal(ate[0]! + ate[1]!, 10)
    assert.equal(
      new Set([main, server, ...summaries.map(([, pid]) => pid)]).size,
      7,
      'all are real processes',
    )
    assert.equal(lines.at(-1), '0 cookies are left')
  },

  '02-atomic-increment.ts'(lines) {
    assert.deepEqual(lines, ['50 processes × 20 increments = 1000'])
  },

  '03-chain-reaction.ts'(lines) {
    assert.deepEqual(lines, [
      'domino 1 falls',
      'domino 2 falls',
      'domino 3 falls',
      'domino 4 falls',
      'domino 5 falls',
      '5 dominoes lie on the floor',
    ])
  },

  '04-luck-test.ts'(lines) {
    const shown = all(lines, /^the wheel shows (\d)$/).map(([number]) => Number(number))
    const [winner, ...others] = all(lines, /^(\w+) \(number (\d)\) has won$/)
    assert.ok(winner)
    assert.deepEqual(others, [], 'only one can win')
    assert.equal(all(lines, /goes home$/).length, 2)
    assert.equal(shown.at(-1), Number(winner[1]), 'the number of the winner was the last to show')
    assert.equal(lines.at(-1), `${winner[0]} won at turn ${shown.length}`)
  },

  '05-nested-processes.ts'(lines) {
    const [[main]] = all(lines, /^main: pid (\d+)$/) as [string[]]
    const branches = all(lines, /^ +(root[ \w]*): pid (\d+), started by (\d+)$/)
    const pids = new Map(branches.map(([name, pid]) => [name!, pid!]))
    assert.deepEqual(
      [...pids.keys()],
      [
        'root',
        ...['left', 'right'].flatMap(side => [`root ${side}`, `root ${side} left`, `root ${side} right`]),
      ],
    )
    assert.equal(new Set([main, ...pids.values()]).size, 8)
    for (const [name, , parent] of branches)
      assert.equal(
        parent,
        pids.get(name!.replace(/ ?\w+$/, '')) ?? main,
        `${name} is a child of the one before`,
      )
    assert.equal(lines.at(-1), '7 processes, 4 leaves')
  },

  '06-peanut-generator.ts'(lines) {
    const eaten = new Map(
      all(lines, /^(\w+): +([\d ]+)$/).map(([who, numbers]) => [who, numbers!.split(' ').map(Number)]),
    )
    assert.deepEqual(eaten.get('buffered'), [1, 2, 3, 4, 5])
    for (const who of ['live', 'hybrid']) {
      const numbers = eaten.get(who)!
      assert.equal(numbers.length, 5)
      assert.ok(numbers.every((number, i) => i === 0 || number > numbers[i - 1]!))
      assert.ok(numbers[4]! > 5, `${who} skips what it has no time for: ${numbers}`)
    }
  },

  '07-remote-exceptions.ts'(lines) {
    assert.deepEqual(lines, [
      'thrown:   ProcessWaitError, exit code 1',
      '  caused by OutOfFlour: 150 g of flour are missing (missing: 150)',
      '  thrown in 07-remote-exceptions.ts, as its stack says',
      'returned: RangeError: the oven is too hot',
      'exited:   exit code 7',
      'atomic:   OutOfFlour: 50 g of flour are missing (missing: 50)',
      '  there are still 100 g',
    ])
  },

  '08-every-watcher.ts'(lines) {
    assert.deepEqual(
      lines.filter(line => !line.startsWith('  ')),
      [
        'getWhenChange: gold is null',
        'getWhenAvailable: gold is null',
        'getWhenNone: gold is null',
        'getWhenNotNone: gold is 50',
        'getWhenEqual: gold is 50',
        'getWhenNotEqual: gold is 45',
        'getWhen: gold is 35',
        'getWhenChange, all keys but gold: gold is 35',
        'getRawUpdate: market called delete, gold was 35 and is undefined',
        'getWhenChange: TimeoutError',
        'whenAvailable: heard by callWhen, callWhenAvailable, callWhenChange, callWhenEqual, callWhenNone, callWhenNotEqual, callWhenNotNone',
      ],
    )
    const handled = all(lines, /^ {2}(callWhen\w*) in process (\d+): gold is (\w+)$/)
    const first = new Map([...handled].reverse().map(([name, , gold]) => [name, gold]))
    assert.deepEqual(Object.fromEntries(first), {
      callWhen: '35',
      callWhenAvailable: 'null',
      callWhenChange: 'null',
      callWhenEqual: '50',
      callWhenNone: 'undefined',
      callWhenNotEqual: 'undefined',
      callWhenNotNone: '50',
    })
    assert.equal(new Set(handled.map(([name, pid]) => `${name} ${pid}`)).size, 7, 'one process for each')
    assert.equal(new Set(handled.map(([, pid]) => pid)).size, 7)
  },

  '09-button-press.ts'(lines) {
    const short = ['pressing for 20 ms', 'it was a SHORT press', 'the button is released']
    const long = ['pressing for 1200 ms', 'it is a LONG press', 'the button is released']
    assert.deepEqual(lines, [...short, ...long, ...short])
  },

  '10-shared-server.ts'(lines) {
    const [[shop, server]] = all(lines, /^shop (\d+): open, the server is pid (\d+)$/) as [string[]]
    const [[customer, answering]] = all(lines, /^customer (\d+): the server answers, it is pid (\d+)$/) as [
      string[],
    ]
    assert.equal(answering, server)
    assert.equal(new Set([shop, customer, server]).size, 3)
    assert.deepEqual(lines.slice(2), [
      `shop ${shop}: ordered were an oat cookie and a nut cookie`,
      `customer ${customer}: it is closed, I go home`,
    ])
  },

  '11-namespaces.ts'(lines) {
    assert.deepEqual(lines, ['default: 100 cookies', 'oat: 1 cookies', 'nut: 2 cookies'])
  },

  '12-survives.ts'(lines) {
    assert.deepEqual(lines, [
      'the server was ended by SIGKILL; the next one goes on at 250 or more',
      'the server was ended by SIGKILL; the next one goes on at 500 or more',
      'the server was ended by SIGKILL; the next one goes on at 750 or more',
      '4 × 250 increments = 1000',
      'each number was returned once: true',
    ])
  },
}

for (const [name, check] of Object.entries(outcomes))
  test(`${name} does what it is about`, async () => {
    // The address of the shared server is fixed for a reader, not for tests that run side by side.
    const address = `ipc://${join(tmpdir(), `zproc-shop-${randomUUID()}.sock`)}`
    const { code, stdout, stderr } = await runExample(name, { SHOP_ADDRESS: address })
    assert.equal(stderr, '')
    assert.equal(code, 0, stdout)
    check(linesOf(stdout))
  })

test('every example has its outcome tested', () => {
  const examples = readdirSync('examples').filter(file => /^[01]\d-.*\.ts$/.test(file))
  assert.deepEqual(examples.sort(), Object.keys(outcomes))
})
