import { errorToWire, toWire, type Wire } from '../protocol/values.ts'
import { listToWire } from './messages.ts'

/** The first result that is no data. */
export class NoData extends Error {
  readonly at: number
  constructor(at: number, cause: unknown) {
    super('no data', { cause })
    this.at = at
  }
}

/** What is no data is one more of the `failures`, where there are such. */
export function packResults(results: unknown[], failures?: [number, Wire][]): Wire {
  try {
    return listToWire(results, 'processMap', 'results')
  } catch {
    const sound = results.map((result, i) => {
      try {
        toWire(result, 'processMap', 'the result')
        return result
      } catch (error) {
        if (!failures) throw new NoData(i, error)
        failures.push([i, errorToWire(error)])
        return undefined
      }
    })
    return toWire(sound, 'processMap', 'results')
  }
}
