import { createHash } from 'node:crypto'

/**
 * A file name for an id that may hold anything: a readable part and a hash, so that ids which differ only in case or in
 * escaped characters never meet, also on Windows and macOS. One way: the file's content names the id.
 */
export function fileNameOf(id: string): string {
  const readable = id
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)
  const hash = createHash('sha256').update(id, 'utf8').digest('hex').slice(0, 32)
  return readable === '' ? hash : `${readable}.${hash}`
}
