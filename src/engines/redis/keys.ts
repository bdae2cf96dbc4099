/** The keys of one namespace: one hash tag, so that a cluster has them all in one place. */
export interface Keys {
  log: string
  values: string
  order: string
  stream: string
}

export function keysOf(namespace: string): Keys {
  const tag = `zproc:{${encodeURIComponent(namespace)}}`
  return {
    log: `${tag}:log`,
    values: `${tag}:values`,
    order: `${tag}:order`,
    stream: `${tag}:stream`,
  }
}
