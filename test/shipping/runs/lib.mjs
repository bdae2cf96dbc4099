export const made = []
export function stateful() {
  made.push(1)
  return made.length
}
export class Vault {
  #n = 1
  open() {
    return ++this.#n
  }
}
