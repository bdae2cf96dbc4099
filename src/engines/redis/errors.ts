import { AuthenticationError, ConnectionError, type ZprocError } from '../../errors.ts'
import type { RedisAddress } from './address.ts'

/** What the user is told when Redis, or the way to it, refused. `outcome`: whether the call may have taken effect. */
export function explain(
  error: Error,
  { shown, settings }: RedisAddress,
  outcome: 'none' | 'unknown',
  call: string,
): ZprocError {
  const { message } = error
  const code = /^[A-Z]+/.exec(message)?.[0] ?? ''
  if (['WRONGPASS', 'NOAUTH'].includes(code))
    return new AuthenticationError(`${call}: ${shown} refused the user or the password: ${message}`, {
      cause: error,
    })
  if (code === 'NOPERM')
    return new AuthenticationError(
      `${call}: the user of ${shown} may not do what zproc needs (@all on ~zproc:*): ${message}`,
      { cause: error },
    )
  if (code === 'OOM')
    return new ConnectionError(`${call}: ${shown} is out of memory, and nothing was changed: ${message}`, {
      cause: error,
    })
  if (code === 'WRONGTYPE' || /no valid stream|key .*not.*stream|user_script/.test(message))
    return new ConnectionError(
      `${call}: a key in ${shown} that begins with "zproc:" holds something that zproc did not put there; ` +
        `use another database, or remove it: ${message}`,
      { cause: error },
    )
  const { code: reason = '' } = error as NodeJS.ErrnoException
  if (/CERT|ISSUER|LEAF/.test(reason))
    return new ConnectionError(
      `${call}: the certificate of ${shown} is not one that this process trusts: ${message} (${reason}). ` +
        'Where an authority of your own has signed it, start the program with NODE_EXTRA_CA_CERTS=<its certificate>',
      { cause: error },
    )
  if (error.name === 'ReplyError' && !CLOSED.test(message))
    return new ConnectionError(`${call}: ${shown} answered: ${message}`, { cause: error })
  const why = message === '' ? reason || error.name : message
  if (outcome === 'none')
    return new ConnectionError(`${call}: nothing answers at ${shown}: ${why}`, { cause: error })
  return new ConnectionError(
    `${call}: the connection to ${shown} was lost, and not made again within ${settings.connectTimeout} ms ` +
      `(connectTimeout); what was asked may or may not have been done: ${why}`,
    { cause: error, outcome },
  )
}

const CLOSED = /Connection is closed|Too many Cluster redirections|Stream isn't writeable/
/** Replies of a Redis that will answer in a while. */
export const PASSING = /^(LOADING|MASTERDOWN|BUSY|TRYAGAIN|CLUSTERDOWN|NOREPLICAS)/
