import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { BlobStore } from '../../platform/blob-store/blob-store.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import { namesEntityTag, readRange } from './byte-range.ts'

export interface ServedBlob {
  sha256: string
  /** bytes */
  size: number
  mediaType: string
  /** Null: not offered as a file. */
  fileName: string | null
}

/** Answers GET and HEAD with the bytes: resumable by Range and If-Range, revalidated by ETag, checkable by Repr-Digest. */
export async function serveBlob(
  blobs: BlobStore,
  { sha256, size, mediaType, fileName }: ServedBlob,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): Promise<unknown> {
  const { range, 'if-range': ifRange, 'if-none-match': ifNoneMatch } = request.headers
  const entityTag = `"${sha256}"`
  reply.headers({
    'accept-ranges': 'bytes',
    etag: entityTag,
    // the bytes of a version never change, but who may have them does
    'cache-control': 'private, no-cache',
  })
  if (namesEntityTag(ifNoneMatch, entityTag)) return reply.status(304).send()

  const mayResume = request.method === 'GET' && (ifRange === undefined || ifRange === entityTag)
  const wanted = readRange(mayResume ? range : undefined, size)
  if (wanted.kind === 'unsatisfiable') {
    throw new ProblemError('range-not-satisfiable', `The file has ${size} bytes; "${range}" lies outside.`, {
      headers: { 'content-range': `bytes */${size}` },
    })
  }
  const part = wanted.kind === 'part' ? wanted.range : null
  reply.status(part ? 206 : 200).headers({
    'content-type': mediaType,
    'content-length': String(part ? part.end - part.start + 1 : size),
    // RFC 9530: of the whole file, also where only a part is sent
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
    ...(part ? { 'content-range': `bytes ${part.start}-${part.end}/${size}` } : {}),
    ...(fileName ? { 'content-disposition': `attachment; filename="${fileName.replace(/[^\w.+-]/g, '_')}"` } : {}),
  })
  // an empty stream, because Fastify would count the bytes of an empty text
  if (request.method === 'HEAD') return reply.send(Readable.from([]))
  return reply.send(await blobs.open(sha256, part ?? undefined))
}
