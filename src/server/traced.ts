import type { Author, Change } from '../store/commit.ts'
import { isMail } from '../store/mail.ts'
import { Namespace } from '../store/namespace.ts'
import { commits, isTraced, trace } from '../tracing/channels.ts'

/** A namespace of a server, whose commits can be traced. */
export class TracedNamespace extends Namespace {
  override commit(
    author: Author,
    method: string,
    changes: readonly Change[],
    identical?: boolean,
    time?: number,
  ): void {
    // What the peers of a pool write to each other is no commit of a program.
    if (isTraced(commits) && !isMail(this.name)) this.#traced(author, method, changes, identical, time)
    else super.commit(author, method, changes, identical, time)
  }

  #traced(author: Author, method: string, changes: readonly Change[], identical?: boolean, time?: number) {
    const { name: namespace } = this
    const revision = this.revision + 1
    const keys = changes.map(({ key }) => key)
    const { pid, name } = author
    trace(commits, { namespace, revision, method, keys, pid, name }, () =>
      super.commit(author, method, changes, identical, time),
    )
  }
}
