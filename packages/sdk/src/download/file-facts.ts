import { OcelliError } from '../errors/ocelli-error.ts'
import type { OpenResponse } from '../http/read-body.ts'

export interface DownloadedFile {
  /** As the server proposes it, without a folder; null when it proposes none. */
  fileName: string | null
  mediaType: string
  /** bytes of the whole file */
  size: number
  /** Lower-case hex, of the whole file. */
  sha256: string | null
}

/** What the headers of a whole file (200) or of a part (206) say. Throws `unexpected-shape` without a size. */
export function readFileFacts({
  response,
  gate,
}: OpenResponse): DownloadedFile & { begin: number; entityTag: string | null } {
  const { headers, status } = response
  const [, begin, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? []
  const length = status === 206 ? size : headers.get('content-length')
  if (!length || !/^\d{1,15}$/.test(length)) {
    gate.close()
    void response.body?.cancel().catch(() => undefined)
    throw new OcelliError('The answer does not say how large the file is. Check whether a proxy is in between.', {
      ...{ kind: 'bad-answer', code: 'unexpected-shape', status, requestId: headers.get('x-request-id') },
    })
  }
  const fileName = /filename="([^"\\/]{1,255})"/.exec(headers.get('content-disposition') ?? '')?.[1] ?? null
  return {
    fileName: fileName === '.' || fileName === '..' ? null : fileName,
    mediaType: headers.get('content-type') ?? 'application/octet-stream',
    size: Number(length),
    sha256: readDigest(headers),
    begin: status === 206 ? Number(begin) : 0,
    entityTag: headers.get('etag'),
  }
}

/** RFC 9530: base64 of the whole file's digest, also where only a part is sent. */
function readDigest(headers: Headers): string | null {
  const base64 = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(headers.get('repr-digest') ?? '')?.[1]
  if (!base64) return null
  return Array.from(atob(base64), (byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('')
}
