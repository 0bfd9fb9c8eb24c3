import type { ClientRequest, IncomingMessage } from 'node:http'
import { CameraHttpError } from './camera-http-error.ts'
import type { HttpReply } from './http-transport.ts'

// Answers of cameras are some kilobytes; hundreds of apps with long descriptions stay below one megabyte.
const MAX_REPLY_BYTES = 2 * 1024 * 1024

/** The whole answer to a request, bounded. Rejects only for what it sees itself; the request's own errors are the caller's. */
export function collectReply(outgoing: ClientRequest): Promise<HttpReply> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpReply>()
  outgoing.once('response', (incoming) => {
    readBody(incoming).then(
      (body) => resolve({ status: incoming.statusCode ?? 0, rawHeaders: incoming.rawHeaders, body }),
      reject,
    )
  })
  // Whoever lost the race must not leave an unhandled rejection behind.
  promise.catch(() => undefined)
  return promise
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > MAX_REPLY_BYTES) {
        throw new CameraHttpError('bad-reply', `The camera's answer is longer than ${MAX_REPLY_BYTES} bytes.`)
      }
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof CameraHttpError) throw error
    throw new CameraHttpError('unreachable', 'The camera broke the connection in the middle of its answer.', {
      cause: error,
    })
  }
  return Buffer.concat(chunks)
}
