import { Readable } from 'node:stream'
import type { StreamBody } from './http-transport.ts'

/** Headers of the part, RFC 7578. They are written as they are, so they must hold neither quotes nor line breaks. */
export type FilePart = {
  /** Name of the part; cameras do not look at it, documents and clients differ. */
  name: string
  /** upload.cgi answers `Error: 3` where it is missing. */
  fileName: string
  contentType: string
}

/** Wraps a file as the only part of a multipart/form-data body whose length is known before it is sent. */
export function wrapFile(part: FilePart, file: StreamBody, boundary: string): StreamBody {
  const { head, tail } = frame(part, boundary)
  const framed = head.length + tail.length
  return {
    size: file.size + framed,
    open: () => Readable.from(inOrder(head, file, tail)),
    onProgress: (sent) => file.onProgress?.(Math.min(Math.max(sent - head.length, 0), file.size)),
  }
}

/** The same for a file that is in memory. */
export function wrapText(part: FilePart, text: string, boundary: string): Buffer {
  const { head, tail } = frame(part, boundary)
  return Buffer.concat([head, Buffer.from(text, 'utf8'), tail])
}

/** The Content-Type of a body that was wrapped with this boundary. */
export const multipartType = (boundary: string): string => `multipart/form-data; boundary=${boundary}`

function frame({ name, fileName, contentType }: FilePart, boundary: string) {
  const head = Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="${fileName}"\r\n` +
      `Content-Type: ${contentType}\r\n\r\n`,
  )
  return { head, tail: Buffer.from(`\r\n--${boundary}--\r\n`) }
}

async function* inOrder(head: Buffer, file: StreamBody, tail: Buffer): AsyncGenerator<Buffer, void, void> {
  yield head
  const source = file.open()
  try {
    yield* source as AsyncIterable<Buffer>
  } finally {
    source.destroy()
  }
  yield tail
}
