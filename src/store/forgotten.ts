// Names whose revisions are kept one by one.
const NAMES = 1000
const CHARACTERS = 200

/**
 * The revisions of namespaces that were forgotten: one that comes again goes on from its own, so that its revisions never go
 * back. The newest names are kept; a name that is not begins above the revisions of all that were dropped, which are none
 * until there are a thousand.
 */
export class Forgotten {
  readonly #revisions = new Map<string, number>()
  /** The highest revision of the names that were dropped. */
  #dropped = 0

  /** The revision at which a namespace of this name begins. */
  begin(name: string): number {
    const revision = this.#revisions.get(name) ?? this.#dropped
    this.#revisions.delete(name)
    return revision
  }

  add(name: string, revision: number): void {
    if (name.length > CHARACTERS) return this.drop(revision)
    this.#revisions.set(name, revision)
    if (this.#revisions.size <= NAMES) return
    for (const [oldest, last] of this.#revisions) {
      this.#revisions.delete(oldest)
      return this.drop(last)
    }
  }

  /** What there is to know: names with their revisions, and the highest of the names that were dropped. */
  get all(): { names: Iterable<[name: string, revision: number]>; dropped: number } {
    return { names: this.#revisions, dropped: this.#dropped }
  }

  /** A name that is not kept had this revision. */
  drop(revision: number): void {
    this.#dropped = Math.max(this.#dropped, revision)
  }
}
