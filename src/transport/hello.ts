import type { Socket } from 'node:net'
import { decode, FrameReader, HELLO_BYTES, type OnFrame } from '../protocol/frames.ts'
import type { Read } from './channel.ts'

/**
 * Reads the first frame of a socket: `heard` gets what it says, the socket paused, and what came with it, whose frames
 * may have `limit` bytes; `failed` gets why there is none. Returns what ends the listening.
 */
export function readHello(
  socket: Socket,
  limit: number,
  heard: (hello: unknown, read: Read) => void,
  failed: (error: Error) => void,
): () => void {
  const reader = new FrameReader(HELLO_BYTES)
  const frames: Uint8Array[] = []
  const onData = (chunk: Buffer, length?: number) => {
    try {
      const keep: OnFrame = (bytes, start, end) => {
        reader.limit = limit
        frames.push(Buffer.from(bytes.subarray(start, end)))
      }
      reader.read(chunk, keep, length)
      const [first, ...others] = frames
      if (!first) return
      stop()
      socket.pause()
      heard(decode(first), { reader, frames: others })
    } catch (error) {
      stop()
      failed(error as Error)
    }
  }
  const stop = () => void socket.off('data', onData)
  socket.on('data', onData)
  return stop
}
