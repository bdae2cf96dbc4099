import type { Disk } from './disk.ts'
import { fileName, type Manifest, writeManifest } from './manifest.ts'

/** The manifest of a folder that is open: changes are made one after the other. */
export class ManifestOwner {
  readonly #disk: Disk
  #now: Manifest
  #last: Promise<void> = Promise.resolve()
  #number: number

  constructor(disk: Disk, manifest: Manifest) {
    this.#disk = disk
    this.#now = manifest
    const files = [...manifest.segments, ...manifest.snapshots]
    this.#number = Math.max(0, ...files.map(({ file }) => Number.parseInt(file, 10)))
  }

  get now(): Manifest {
    return this.#now
  }

  /** A name that no file of the log has had. */
  newFile(kind: 'log' | 'snapshot'): string {
    return fileName(++this.#number, kind)
  }

  /** Changes the manifest on disk; resolves when that is durable. */
  change(edit: (manifest: Manifest) => void): Promise<void> {
    const next = this.#last.then(async () => {
      const manifest = structuredClone(this.#now)
      edit(manifest)
      await writeManifest(this.#disk, manifest)
      this.#now = manifest
    })
    this.#last = next.catch(() => {})
    return next
  }
}
