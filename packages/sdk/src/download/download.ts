import { isOcelliError, OcelliError } from '../errors/ocelli-error.ts'
import type { CallOptions } from '../http/api.ts'
import type { Engine } from '../http/engine.ts'
import { type OpenResponse, readChunks } from '../http/read-body.ts'
import { type RetryPolicy, retryDelayMs } from '../http/retry-policy.ts'
import { type DownloadedFile, readFileFacts } from './file-facts.ts'
import { createSha256, type IncrementalHash } from './sha256.ts'

export interface DownloadOptions extends CallOptions {
  /** Bytes that are here already, and the hash fed with them: the download goes on behind them. */
  resume?: { offset: number; hash: IncrementalHash }
  /** Replaces the portable SHA-256, by a faster one of the platform it runs on. */
  createHash?: () => IncrementalHash
}

/** A file that is being received. */
export interface Download extends DownloadedFile {
  /** Where `stream` begins; 0, unless it was resumed. */
  offset: number
  /** The bytes. Breaks are mended under way; it ends with an error when the whole does not have `sha256`. */
  stream: ReadableStream<Uint8Array>
}

export interface DownloadSource {
  engine: Engine
  policy: RetryPolicy
  /** Opens the file, behind `offset` where that is not 0. */
  open: (offset: number, entityTag: string | null) => Promise<OpenResponse>
}

/** Opens a file; what breaks while it is read is resumed by Range, and the whole is checked against its SHA-256. */
export async function startDownload(
  source: DownloadSource,
  { resume, createHash, signal }: DownloadOptions,
): Promise<Download> {
  const first = await source.open(resume?.offset ?? 0, null)
  const file = readFileFacts(first)
  // a server that ignores the range begins anew
  const isResumed = resume !== undefined && file.begin === resume.offset && resume.offset > 0
  if (file.begin !== (isResumed ? resume.offset : 0)) throw unexpectedPart(first)
  const hash = isResumed ? resume.hash : (createHash ?? createSha256)()
  const pieces = readPieces(source, { first, file, hash, signal })
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    async cancel() {
      await pieces.return(undefined)
    },
  })
  const { begin: offset, entityTag: _entityTag, ...facts } = file
  return { ...facts, offset, stream }
}

type OpenFile = ReturnType<typeof readFileFacts>

async function* readPieces(
  { engine, policy, open }: DownloadSource,
  { first, file, hash, signal }: { first: OpenResponse; file: OpenFile; hash: IncrementalHash; signal?: AbortSignal },
): AsyncGenerator<Uint8Array, undefined> {
  let received = file.begin
  let breaks = 0
  for (let current = first; ; ) {
    try {
      for await (const chunk of readChunks(current)) {
        hash.update(chunk)
        received += chunk.byteLength
        breaks = 0
        yield chunk
      }
      if (received !== file.size) throw cutOff(current)
      break
    } catch (error) {
      if (!isOcelliError(error)) throw error
      breaks++
      const delayMs = retryDelayMs(error, { attempt: breaks, policy, repeatable: 'always', random: engine.random })
      if (delayMs === null) throw error
      await engine.clock.wait(delayMs, signal)
    } finally {
      current.gate.close()
    }
    current = await open(received, file.entityTag)
    const part = readFileFacts(current)
    if (part.begin !== received || part.sha256 !== file.sha256 || part.size !== file.size) {
      current.gate.close()
      throw unexpectedPart(current)
    }
  }
  if (file.sha256 !== null && hash.hex() !== file.sha256) throw wrongDigest(file.sha256)
}

function cutOff({ response }: OpenResponse): OcelliError {
  return new OcelliError('The file broke off before its end.', {
    ...{ kind: 'bad-answer', code: 'answer-cut-off', retryable: true, status: response.status },
  })
}

function unexpectedPart({ response }: OpenResponse): OcelliError {
  return new OcelliError('The file has changed while it was received. Start the download again.', {
    ...{
      kind: 'conflict',
      code: 'file-changed',
      status: response.status,
      requestId: response.headers.get('x-request-id'),
    },
  })
}

function wrongDigest(sha256: string): OcelliError {
  return new OcelliError(`What was received does not have the SHA-256 ${sha256}. Discard it and start again.`, {
    ...{ kind: 'bad-answer', code: 'digest-mismatch' },
  })
}
