import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { type KeyFile, PackageError, readKeyFiles } from '@ocelli/app-package'
import type { FastifyRequest } from 'fastify'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Received } from '../../platform/http/route.ts'

/** A ZIP of 2,000 keys of 3 KiB each is smaller, whatever it compresses to. */
export const maxUploadBytes = 8 * 1024 * 1024
/** Upload and reading together. */
const timeoutMs = 60_000

/** Takes in one key file, or a ZIP of many, in bounded memory and time. */
export async function receiveKeys(request: FastifyRequest): Promise<Received<KeyFile[]>> {
  const { body } = request
  if (!(body instanceof Readable)) {
    throw new ProblemError(
      'unsupported-media-type',
      'Send the key file or ZIP file itself, as application/octet-stream.',
    )
  }
  const signal = AbortSignal.timeout(timeoutMs)
  const bytes = await collect(body, signal)
  const { fileName } = request.query as { fileName?: unknown }
  const name = typeof fileName === 'string' ? fileName : 'key'
  try {
    const value = await readKeyFiles(bytes, { name, signal })
    const digest = createHash('sha256').update(bytes).digest('hex')
    return { digest, value, dispose: async () => {} }
  } catch (error) {
    if (signal.aborted) throw tooSlow(error)
    if (!(error instanceof PackageError)) throw error
    throw new ProblemError('key-invalid', error.detail, { cause: error })
  }
}

async function collect(body: Readable, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  const stop = () => body.destroy(signal.reason instanceof Error ? signal.reason : undefined)
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > maxUploadBytes) {
        throw new ProblemError(
          'payload-too-large',
          `Uploads of up to ${maxUploadBytes / 1024 ** 2} MiB are accepted here.`,
        )
      }
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof ProblemError) throw error
    if (signal.aborted) throw tooSlow(error)
    throw new ProblemError('invalid-request', 'The upload was broken off. Send the file again.', { cause: error })
  } finally {
    signal.removeEventListener('abort', stop)
  }
  return Buffer.concat(chunks)
}

const tooSlow = (cause: unknown) =>
  new ProblemError('request-timeout', `The upload was not taken in within ${timeoutMs / 1000} seconds.`, { cause })
