import { type Entry, Tell, type WireCommit } from '../protocol/messages.ts'
import { fromWire, type Wire } from '../protocol/values.ts'
import type { Finish } from '../store/store.ts'
import type { Cursor, Update } from './cursor.ts'
import type { Reader } from './reader.ts'
import type { RawUpdate, Snapshot } from './types.ts'

// What calls and watchers resolve with, made of what the server said.

export const valueOr: Finish = (message, fallback) =>
  message[0] === Tell.missing ? fallback : fromWire((message as [number, number, Wire])[2])
export const values: Finish = message => (message as [number, number, Wire[]])[2].map(fromWire)
export const items: Finish = message =>
  (message as [number, number, Entry[]])[2].map(([key, wire]) => [key, fromWire(wire)])
export const wholeState: Finish = message => {
  const state: Record<string, unknown> = {}
  for (const [key, wire] of (message as [number, number, Entry[]])[2]) state[key] = fromWire(wire)
  return state
}

export const snapshot = <T>(reader: Reader): T => reader.snapshot() as T

export function rawUpdate<S>(reader: Cursor, update: Update | undefined): RawUpdate<S> {
  const { revision, identical, beforeSnapshot } = update as Update
  const commit = (update as Update).commit as WireCommit
  return {
    before: beforeSnapshot as Snapshot<S>,
    after: reader.snapshot() as Snapshot<S>,
    identical,
    revision,
    by: { pid: commit[2], name: commit[3], method: commit[4], time: commit[5] },
  }
}
