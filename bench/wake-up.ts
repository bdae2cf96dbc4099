// One process writes, another waits for it: how long from the write until the other one is awake?
import { setTimeout as delay } from 'node:timers/promises'
import { startAudience } from './kit/audience.ts'
import { startEcho } from './kit/echo.ts'
import { inTurn, machineTime, median, sized } from './kit/measure.ts'
import { type NewsName, news } from './kit/news.ts'
import { report } from './kit/report.ts'

const TIMES = sized(100)
const echo = await startEcho()
const candidates: Record<string, () => Promise<number>> = {
  'bare socket, half of an echo': async () => (await echo.roundTrips(TIMES)) / 2,
}
const ends: (() => unknown)[] = [() => echo.stop()]
for (const name of Object.keys(news) as NewsName[]) {
  const audience = await startAudience(name, { processes: 1, connections: 1, watchers: 1 })
  if (!audience) continue
  let n = 0
  ends.push(audience.stop)
  candidates[name] = async () => {
    const waits: number[] = []
    for (let i = 0; i < TIMES; i++) {
      // Asked before, and everybody is at rest: else a write that leaves at the end of the turn comes behind the question.
      const heard = audience.heardBy(n)
      await delay(1)
      const began = machineTime()
      void audience.write(n++)
      waits.push((await heard) - began)
    }
    return median(waits)
  }
}
report('From a write to the one who waits for it', 'µs', await inTurn(sized(30), candidates))
for (const end of ends) await end()
