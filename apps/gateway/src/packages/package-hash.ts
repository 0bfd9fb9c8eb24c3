import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'

/** The hash of what lies at the path, open for more; a file of 500 MB takes about a second. */
export async function hashFile(path: string, signal: AbortSignal): Promise<Hash> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) hash.update(chunk)
  return hash
}
