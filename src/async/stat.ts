import { fstatSync, lstatSync, statSync } from 'node:fs'

// Node keeps the numbers of the last stat. While they are those of a pipe or a socket, it resolves imports wrongly: a package that
// is linked into node_modules (by pnpm, npm link or workspaces) is imported from its link, as a second module. It keeps BigInts
// elsewhere. test/project/stat.test.ts finds other uses.

/** What is there, or undefined; of a link, the link itself. */
export const lstatOf = (path: string) => lstatSync(path, { throwIfNoEntry: false, bigint: true })

/** What is there, or undefined; of a link, what it leads to. */
export const statOf = (path: string | URL) => statSync(path, { throwIfNoEntry: false, bigint: true })

export const fstatOf = (fd: number) => fstatSync(fd, { bigint: true })
