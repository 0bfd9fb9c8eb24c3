import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, openAsBlob } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import type { DownloadQuery } from '@ocelli/contract'
import type { Client } from '../client.ts'
import type { IncrementalHash } from '../download/sha256.ts'
import { isOcelliError } from '../errors/ocelli-error.ts'
import type { CallOptions } from '../http/api.ts'

export interface SaveOptions extends CallOptions, DownloadQuery {
  /** bytes */
  onProgress?: (received: number, total: number) => void
}

/** A file as the source of `client.apps.publish`: read while it is sent, and again when it must be repeated. */
export const packageFile = (path: string): Promise<Blob> => openAsBlob(path)

/**
 * Downloads a package to `path`, through `path.part`: a later call goes on where an earlier one was broken off. Gives
 * its size in bytes and SHA-256. Throws `digest-mismatch` and discards the part when what was received is not the file.
 */
export async function saveApp(
  client: Client,
  { appId, path, ...options }: SaveOptions & { appId: string; path: string },
): Promise<{ size: number; sha256: string | null }> {
  const part = `${path}.part`
  const { onProgress = () => {}, signal } = options
  try {
    const download = await openBehind(client, part, { appId, ...options })
    let received = download.offset
    await pipeline(
      Readable.fromWeb(download.stream as NodeReadableStream<Uint8Array>),
      async function* count(chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          received += chunk.byteLength
          onProgress(received, download.size)
          yield chunk
        }
      },
      createWriteStream(part, download.offset > 0 ? { flags: 'r+', start: download.offset } : { flags: 'w' }),
      { signal },
    )
    await rename(part, path)
    return { size: download.size, sha256: download.sha256 }
  } catch (error) {
    if (isOcelliError(error, { code: 'digest-mismatch' })) await rm(part, { force: true })
    throw error
  }
}

async function openBehind(client: Client, part: string, { appId, ...options }: SaveOptions & { appId: string }) {
  const offset = await stat(part).then(
    ({ size }) => size,
    () => 0,
  )
  if (offset === 0) return await client.apps.download(appId, { ...options, createHash: createNodeHash })
  const hash = createNodeHash()
  for await (const chunk of createReadStream(part)) hash.update(chunk as Uint8Array)
  try {
    const resumed = await client.apps.download(appId, {
      ...{ ...options, createHash: createNodeHash, resume: { offset, hash } },
    })
    if (resumed.offset === 0 || resumed.sha256 !== null) return resumed
    // nothing would tell that both parts are not of one file
    await resumed.stream.cancel()
  } catch (error) {
    // nothing lies behind: the part is of another file, or whole and not what it should be
    if (!isOcelliError(error, { status: 416 })) throw error
  }
  return await client.apps.download(appId, { ...options, createHash: createNodeHash })
}

function createNodeHash(): IncrementalHash {
  const hash = createHash('sha256')
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') }
}
