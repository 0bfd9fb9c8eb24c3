import { once } from 'node:events'
import type { ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { CameraHttpError } from './camera-http-error.ts'
import type { StreamBody } from './http-transport.ts'

export type StreamOptions = {
  socket: Socket
  /** The camera's silence, which is not that of the source: a site's rate may hold the next piece back for longer. */
  idleTimeoutMs: number
  signal: AbortSignal
}

/**
 * Sends a body at the camera's pace until all is sent or the signal aborts, as it does when the camera answers before the end.
 * Throws when the source fails or does not hold exactly `size` bytes.
 */
export async function sendStream(
  outgoing: ClientRequest,
  body: StreamBody,
  { socket, idleTimeoutMs, signal }: StreamOptions,
): Promise<void> {
  const source = body.open()
  // A source that fails later than we look at it must not end the process.
  source.on('error', () => undefined)
  let sent = 0
  try {
    socket.setTimeout(0)
    for await (const chunk of source as AsyncIterable<Buffer>) {
      if (signal.aborted || outgoing.destroyed) return
      socket.setTimeout(idleTimeoutMs)
      sent += chunk.length
      if (sent > body.size) break
      const isFull = !outgoing.write(chunk)
      body.onProgress?.(sent)
      if (isFull) await once(outgoing, 'drain', { signal })
      // Lets an early answer be read before the next write runs into the connection that the camera has closed behind it.
      await nextTurn()
      socket.setTimeout(0)
    }
    socket.setTimeout(idleTimeoutMs)
  } catch (error) {
    if (signal.aborted) return
    throw new CameraHttpError('cancelled', 'The package could not be read while it was being sent.', { cause: error })
  } finally {
    source.destroy()
  }
  if (sent !== body.size) {
    throw new CameraHttpError('cancelled', `The package was announced with ${body.size} bytes and has ${sent} or more.`)
  }
  if (!signal.aborted) outgoing.end()
}
