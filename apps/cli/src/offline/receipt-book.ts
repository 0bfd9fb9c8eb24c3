import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { ReceiptEntry } from '@ocelli/license'
import { OfflineError } from './offline-error.ts'

/** Of a receipt's entry (packages/license). */
const maxVersionLength = 1024
const maxDetailLength = 1000
const lineFeed = 0x0a

/**
 * What was done to cameras, on disk before it is told: one JSON line per entry, only ever appended to, by several commands at
 * once where they work with the same bundle. A line that a crash cut off is dropped; the camera's own state is asked again
 * then. Entries keep their nonce, so that they count once however many receipts carry them.
 */
export interface ReceiptBook {
  add(entry: Omit<ReceiptEntry, 'at' | 'nonce'>): Promise<ReceiptEntry>
  /** All of them, also what other commands have added meanwhile. */
  entries(): Promise<readonly ReceiptEntry[]>
  /** The newest entry of a license, whoever added it. */
  last(licenseId: string): Promise<ReceiptEntry | null>
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
  const file = await open(path, 'a+')
  const entries: ReceiptEntry[] = []
  const newest = new Map<string, ReceiptEntry>()
  let [readBytes, lineNumber] = [0, 1]
  let turn: Promise<unknown> = Promise.resolve()

  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = turn.then(work)
    turn = done.catch(() => {})
    return done
  }

  /** Leaves what has no end of line yet: somebody may be writing on it. */
  async function catchUp(): Promise<void> {
    const { size } = await file.stat()
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - readBytes), 0, size - readBytes, readBytes)
    const fresh = buffer.subarray(0, bytesRead)
    for (let from = 0, end = fresh.indexOf(lineFeed); end >= 0; from = end + 1, end = fresh.indexOf(lineFeed, from)) {
      const line = fresh.toString('utf8', from, end)
      const entry = parseLine(line)
      if (entry === null && line !== '') {
        const behind = fresh[end + 1]
        // what a crash cut off is followed by the empty line of the next opening, which may not be there yet
        if (behind === undefined) return
        if (behind !== lineFeed) throw damaged(path, lineNumber)
      }
      lineNumber += 1
      readBytes += end + 1 - from
      if (entry === null) continue
      entries.push(entry)
      newest.set(entry.licenseId, entry)
    }
  }

  try {
    // ends a line that a crash cut off, and marks it as such by the empty line behind it
    await file.appendFile('\n\n')
    await catchUp()
  } catch (error) {
    await file.close()
    throw error
  }
  return {
    add: (given) =>
      inTurn(async () => {
        const at = Math.floor(nowMs() / 1000)
        const entry = { ...withSignableTexts(given), at, nonce: randomBytes(16).toString('base64url') }
        // in one piece: nothing of another command comes between
        await file.appendFile(`${JSON.stringify(entry)}\n`)
        await file.sync()
        return entry
      }),
    entries: () => inTurn(() => catchUp().then(() => entries)),
    last: (licenseId) => inTurn(() => catchUp().then(() => newest.get(licenseId) ?? null)),
    close: () => inTurn(() => file.close()),
  }
}

const damaged = (path: string, lineNumber: number) =>
  new OfflineError(
    'receipts-damaged',
    `Line ${lineNumber} of ${path} is no entry. Repair or remove that line: without it the work may be reported twice or not at all.`,
  )

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
