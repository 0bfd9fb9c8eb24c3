import { once } from 'node:events'
import type { ClientRequest } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { StreamBody } from './http-transport.ts'
import { OnvifError } from './onvif-error.ts'

/**
 * Sends a body at the camera's pace and stops as soon as the camera answers, since an answer before the end is a refusal.
 * Resolves when all is sent or sending was stopped; throws when the source fails or does not hold exactly `size` bytes.
 */
export async function sendStream(outgoing: ClientRequest, body: StreamBody, signal: AbortSignal): Promise<void> {
  const answered = new AbortController()
  outgoing.once('response', () => answered.abort())
  const stopped = AbortSignal.any([answered.signal, signal])
  const source = body.open()
  // A source that fails later than we look at it must not end the process.
  source.on('error', () => undefined)
  let sent = 0
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      if (stopped.aborted || outgoing.destroyed) return
      sent += chunk.length
      if (sent > body.size) break
      const isFull = !outgoing.write(chunk)
      body.onProgress?.(sent)
      if (isFull) await once(outgoing, 'drain', { signal: stopped })
      // Lets an early answer be read before the next write runs into the connection that the camera has closed behind it.
      await nextTurn()
    }
  } catch (error) {
    if (stopped.aborted) return
    throw new OnvifError('cancelled', 'The package could not be read while it was being sent.', { cause: error })
  } finally {
    source.destroy()
  }
  if (sent !== body.size) {
    throw new OnvifError('cancelled', `The package was announced with ${body.size} bytes and has ${sent} or more.`)
  }
  if (!stopped.aborted) outgoing.end()
}
