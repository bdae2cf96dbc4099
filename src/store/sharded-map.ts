const SHARDS = 64

/**
 * A map of texts that never stops long: a single Map copies all that it holds when it grows, which takes 40 ms for a million
 * keys. This one consists of many that grow one at a time.
 */
export class ShardedMap<V> {
  readonly shards: readonly Map<string, V>[] = Array.from({ length: SHARDS }, () => new Map<string, V>())

  get(key: string): V | undefined {
    return this.#shardOf(key).get(key)
  }

  has(key: string): boolean {
    return this.#shardOf(key).has(key)
  }

  set(key: string, value: V): void {
    this.#shardOf(key).set(key, value)
  }

  // Keys differ mostly at their ends.
  #shardOf(key: string): Map<string, V> {
    let hash = key.length
    for (let i = Math.max(0, key.length - 4); i < key.length; i++) hash = hash * 31 + key.charCodeAt(i)
    return this.shards[hash % SHARDS] as Map<string, V>
  }
}
