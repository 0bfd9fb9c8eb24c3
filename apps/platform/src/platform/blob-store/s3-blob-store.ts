import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { ProblemError } from '../http/problem.ts'
import { type BlobStore, putBy } from './blob-store.ts'
import { checkedHash, missing } from './folder-blob-store.ts'
import { openStagingArea, type StagedFile } from './staging-area.ts'

export interface S3Options {
  /** `s3://bucket/prefix?endpoint=…&region=…`; credentials as the AWS SDK finds them. */
  url: URL
  /** Files lie here while they arrive. */
  folder: string
  nowMs: () => number
  spareBytes: number
  /** How long the store may take to begin its answer, each of three times; 60 s by default, in which a part is sent at 2 Mbit/s. */
  requestTimeoutMs?: number
}

/** Parts of 8 MiB, two at a time: 16 MiB of memory per upload; 10,000 parts are 78 GiB. */
const partBytes = 8 * 1024 * 1024

/** Blobs as objects of an S3-compatible store; downloads go there directly, by presigned addresses. */
export async function openS3BlobStore(options: S3Options): Promise<BlobStore> {
  const { url, folder, nowMs, spareBytes, requestTimeoutMs = 60_000 } = options
  const endpoint = url.searchParams.get('endpoint')
  const client = new S3Client({
    region: url.searchParams.get('region') ?? 'us-east-1',
    ...(endpoint ? { endpoint, forcePathStyle: true } : {}),
    // stores other than Amazon's do not all know the newer checksum trailers
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // the SDK waits for ever by itself, and only warns of a request that takes longer
    requestHandler: {
      connectionTimeout: 10_000,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
    },
  })
  const staging = await openStagingArea({ folder: join(folder, 'incoming'), nowMs, spareBytes })
  const prefix = url.pathname.replace(/^\/+|\/+$/g, '')
  const at = (sha256: string) => ({
    Bucket: url.hostname,
    Key: [prefix, checkedHash(sha256).slice(0, 2), sha256.slice(2)].filter(Boolean).join('/'),
  })
  const size = async (sha256: string): Promise<number | null> => {
    const head = await client.send(new HeadObjectCommand(at(sha256))).catch(ifAbsent(null))
    return head?.ContentLength ?? null
  }
  const keep = async (staged: StagedFile): Promise<void> => {
    if ((await size(staged.sha256)) === staged.size) return
    const body = createReadStream(staged.path, { highWaterMark: 256 * 1024 })
    const params = { ...at(staged.sha256), Body: body, ContentType: 'application/octet-stream' }
    try {
      await new Upload({ client, params, partSize: partBytes, queueSize: 2 }).done()
    } catch (cause) {
      throw unreachable(cause)
    } finally {
      body.destroy()
    }
  }
  const receive: BlobStore['receive'] = async (stream, limits) => {
    const staged = await staging.stage(stream, limits)
    return { ...staged, keep: () => keep(staged), discard: () => staging.discard(staged.path) }
  }
  return {
    receive,
    put: putBy(receive),
    async open(sha256, range) {
      const Range = range ? `bytes=${range.start}-${range.end}` : undefined
      const answer = await client.send(new GetObjectCommand({ ...at(sha256), Range })).catch(ifAbsent(null))
      if (!answer?.Body) throw missing(sha256)
      return answer.Body as Readable
    },
    size,
    async remove(sha256) {
      await client.send(new DeleteObjectCommand(at(sha256))).catch(ifAbsent(null))
    },
    temporaryUrl: (sha256, { seconds }) =>
      getSignedUrl(client, new GetObjectCommand(at(sha256)), { expiresIn: seconds }),
  }
}

function ifAbsent<Value>(value: Value): (error: unknown) => Value {
  return (error) => {
    if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404) return value
    throw unreachable(error)
  }
}

function unreachable(cause: unknown): ProblemError {
  return new ProblemError('unavailable', 'The package store does not answer as it should. Try again later.', { cause })
}
