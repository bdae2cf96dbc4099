/** The keys of one namespace: one hash tag, so that a cluster has them all in one place. */
export interface Keys {
  log: string
  values: string
  order: string
  stream: string
}

/** The namespace of the key of a log; undefined: it is no such key. */
export function namespaceOf(log: string): string | undefined {
  const [, encoded] = /^zproc:\{([^}]*)\}:log$/.exec(log) ?? []
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

/** How the keys of all namespaces begin whose names begin like this. */
export const tagOf = (namespace: string): string => `zproc:{${encodeURIComponent(namespace)}`

export function keysOf(namespace: string): Keys {
  const tag = `${tagOf(namespace)}}`
  return {
    log: `${tag}:log`,
    values: `${tag}:values`,
    order: `${tag}:order`,
    stream: `${tag}:stream`,
  }
}
