import { ZprocError } from '../errors.ts'

const { bun, deno } = process.versions as { bun?: string; deno?: string }

/** The runtime and its version, where that is another one than Node. */
export const otherRuntime: string | undefined = bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : undefined

/** Throws in Bun, whose children do not get the files that zproc's processes talk over, and whose sockets take no handle. */
export function assertStarts(): void {
  if (bun)
    throw new ZprocError(
      `Bun ${bun} starts no servers, processes and workers of zproc: start them from a program that Node runs. Here a State ` +
        'can be a client of a server that runs already: new State(address).',
    )
}
