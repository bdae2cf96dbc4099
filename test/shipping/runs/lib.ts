export const made: number[] = []
export function stateful(): number {
  made.push(1)
  return made.length
}
export class Vault {
  #n = 1
  open(): number {
    return ++this.#n
  }
}

export default () => made.length
