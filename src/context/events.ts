import { Broadcast } from '../async/broadcast.ts'
import { type Process, type ProcessEvent, refreshKeepAlive } from '../process/process.ts'
import type { HungServer } from '../protocol/hung.ts'
import type { ConnectionEvent } from '../store/store.ts'

/** What happened to a Context's processes (`event.process`), to its own server, and to the connection to it. */
export type ContextEvent =
  | ProcessEvent
  | ({ type: 'serverHung'; time: number } & HungServer)
  | ConnectionEvent

/** What happens to a Context. While an event is awaited, the processes that it may come from keep the program alive. */
export class Events extends Broadcast<ContextEvent> {
  constructor(processes: () => readonly Process[]) {
    super(() => {
      for (const process of processes()) refreshKeepAlive(process)
    })
  }
}
