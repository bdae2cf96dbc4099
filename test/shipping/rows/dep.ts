/** A module beside the rows: what is imported from it has to be imported again on the other side. */
export const unit = 'cookies'
export let calls = 0

export function twice(n: number): number {
  calls++
  return n * 2
}

export function callCount(): number {
  return calls
}

export class Jar {
  #content: string[] = []
  add(what: string): this {
    this.#content.push(what)
    return this
  }
  get content(): string {
    return this.#content.join(' ')
  }
}

export default function half(n: number): number {
  return n / 2
}
