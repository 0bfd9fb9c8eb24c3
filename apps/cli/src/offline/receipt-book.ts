import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ReceiptEntry } from '@ocelli/license'
import { OfflineError } from './offline-error.ts'

/** Of a receipt's entry (packages/license). */
const maxVersionLength = 1024
const maxDetailLength = 1000

/**
 * What was done to cameras, on disk before it is told: one JSON line per entry, only ever appended to. A line that a crash
 * cut off is dropped; the camera's own state is asked again then. Entries keep their nonce, so that they count once however
 * many receipts carry them.
 */
export interface ReceiptBook {
  readonly entries: readonly ReceiptEntry[]
  add(entry: Omit<ReceiptEntry, 'at' | 'nonce'>): Promise<ReceiptEntry>
  /** The newest entry of a license. */
  last(licenseId: string): ReceiptEntry | null
  close(): Promise<void>
}

export async function openReceiptBook(options: {
  folder: string
  /** Letters, digits, dots and dashes: the bundle's id, or another name of the work. */
  name: string
  nowMs: () => number
  randomBytes: (count: number) => Buffer
}): Promise<ReceiptBook> {
  const { folder, name, nowMs, randomBytes } = options
  await mkdir(folder, { recursive: true })
  const path = join(folder, `${name}.receipts.jsonl`)
  const entries = await readEntries(path)
  const newest = new Map(entries.map((entry) => [entry.licenseId, entry]))
  const file: FileHandle = await open(path, 'a')
  // ends a line that a crash cut off, and marks it as such by the empty line behind it
  await file.appendFile('\n\n')
  let writing: Promise<unknown> = Promise.resolve()
  return {
    entries,
    add(given) {
      const entry = {
        ...withSignableTexts(given),
        at: Math.floor(nowMs() / 1000),
        nonce: randomBytes(16).toString('base64url'),
      }
      const written = writing.then(async () => {
        await file.appendFile(`${JSON.stringify(entry)}\n`)
        await file.sync()
        entries.push(entry)
        newest.set(entry.licenseId, entry)
        return entry
      })
      writing = written.catch(() => {})
      return written
    },
    last: (licenseId) => newest.get(licenseId) ?? null,
    async close() {
      await writing
      await file.close()
    },
  }
}

async function readEntries(path: string): Promise<ReceiptEntry[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  const lines = text.split('\n')
  const entries: ReceiptEntry[] = []
  for (const [index, line] of lines.entries()) {
    if (line === '') continue
    const entry = parseLine(line)
    if (entry) entries.push(entry)
    // a cut-off line is followed by nothing, or by the empty line of the next opening
    else if (lines[index + 1] !== '' && index < lines.length - 1) {
      throw new OfflineError(
        'receipts-damaged',
        `Line ${index + 1} of ${path} is no entry. Repair or remove that line: without it the work may be reported twice or not at all.`,
      )
    }
  }
  return entries
}

function parseLine(line: string): ReceiptEntry | null {
  try {
    const entry = JSON.parse(line) as ReceiptEntry
    return typeof entry.licenseId === 'string' && typeof entry.nonce === 'string' ? withSignableTexts(entry) : null
  } catch {
    return null
  }
}

/** One text of a camera that no receipt can hold would keep all entries of the book from being reported. */
function withSignableTexts<Entry extends Pick<ReceiptEntry, 'version' | 'detail'>>(entry: Entry): Entry {
  return { ...entry, version: cut(entry.version, maxVersionLength), detail: cut(entry.detail, maxDetailLength) }
}

/** Half of a surrogate pair, which the cut may leave, becomes U+FFFD. */
function cut(text: string | null, maxLength: number): string | null {
  return text?.slice(0, maxLength).toWellFormed() ?? null
}
