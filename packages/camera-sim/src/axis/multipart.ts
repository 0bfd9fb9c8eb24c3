/** The one file part of a multipart/form-data body (RFC 7578). */
export interface FilePart {
  /** Null when the part names no file. */
  fileName: string | null
  content: AsyncGenerator<Buffer>
}

const maxHeadBytes = 8192
const headEnd = Buffer.from('\r\n\r\n')

/** The boundary of a multipart/form-data type; null when it is another type. */
export function boundaryOf(contentType: string | undefined): string | null {
  const match = /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(
    contentType ?? '',
  )
  return match?.[1] ?? match?.[2] ?? null
}

/** Reads up to the contents of the first part; null when the body has no part. Contents end with the next boundary. */
export async function readFilePart(body: AsyncIterable<Buffer>, boundary: string): Promise<FilePart | null> {
  const chunks = body[Symbol.asyncIterator]()
  let head: Buffer = Buffer.alloc(0)
  while (!head.includes(headEnd)) {
    const next = await chunks.next()
    if (next.done === true || head.length > maxHeadBytes) return null
    head = Buffer.concat([head, next.value])
  }
  const end = head.indexOf(headEnd)
  const lines = head.toString('utf8', 0, end).split('\r\n')
  if (lines[0] !== `--${boundary}`) return null
  const disposition = lines.find((line) => /^content-disposition:/i.test(line)) ?? ''
  const fileName = /;\s*filename="([^"]*)"/i.exec(disposition)?.[1] ?? null
  return { fileName, content: readContent(head.subarray(end + headEnd.length), chunks, boundary) }
}

async function* readContent(first: Buffer, chunks: AsyncIterator<Buffer>, boundary: string): AsyncGenerator<Buffer> {
  const mark = Buffer.from(`\r\n--${boundary}`)
  let held = first
  for (;;) {
    const at = held.indexOf(mark)
    if (at >= 0) {
      yield held.subarray(0, at)
      return await drain(chunks)
    }
    // What could be the beginning of the mark waits for the next chunk.
    const sure = Math.max(0, held.length - mark.length)
    if (sure > 0) yield held.subarray(0, sure)
    const next = await chunks.next()
    if (next.done === true) throw new Error('The body ends before its boundary.')
    held = Buffer.concat([held.subarray(sure), next.value])
  }
}

async function drain(chunks: AsyncIterator<Buffer>): Promise<void> {
  while ((await chunks.next()).done !== true);
}
