import { MissedUpdatesError } from '../errors.ts'

/** The error for what was asked of the log from revision `from` on, where it begins at `oldest`; `settings`: what bounds it. */
export const notKept = (from: number, oldest: number, settings: string): MissedUpdatesError =>
  new MissedUpdatesError(
    from,
    oldest - 1,
    `what lies before revision ${oldest} is no longer kept (${settings})`,
  )
