/** The command line makes no sense. */
export class Misuse extends Error {
  /** The command whose help says more; none: that of them all. */
  readonly command: string[]

  constructor(message: string, ...command: string[]) {
    super(message)
    this.command = command
  }
}
