import { type FileHandle, open } from 'node:fs/promises'
import type { BatchJournal, JournalEntry } from '../batch/journal.ts'
import { invalidOptions } from '../errors/ocelli-error.ts'
import { lockFile } from './lock-file.ts'

export interface FileJournal extends BatchJournal {
  /** Gives the file free for another process. */
  close(): Promise<void>
}

/** Of one line; ours have a few hundred bytes. */
const maxLineBytes = 1024 * 1024
const pieceBytes = 64 * 1024
const newline = 0x0a

/**
 * A journal in a file of JSON lines, only ever appended to and on the disk before `append` resolves. A last line that
 * a crash has torn is taken off. Throws `invalid-options` while another process has the journal open, and for a file that
 * is something else, which stays as it is.
 */
export async function openFileJournal(path: string): Promise<FileJournal> {
  const unlock = await lockFile(`${path}.lock`)
  const file = await openWhole(path).catch(async (error: unknown) => {
    await unlock()
    throw error
  })
  let writing = Promise.resolve()
  return {
    async *read() {
      for await (const { line, number } of readLines(file)) yield toEntry(line, `${path}, line ${number}`)
    },
    append(entry) {
      const written = writing.then(async () => {
        await file.appendFile(`${JSON.stringify(entry)}\n`)
        await file.datasync()
      })
      // who waits for this entry hears of its failure; the next is written or fails for itself
      writing = written.catch(() => undefined)
      return written
    },
    async close() {
      await writing
      await file.close()
      await unlock()
    },
  }
}

/** For reading and appending, ending with a whole line. */
async function openWhole(path: string): Promise<FileHandle> {
  const file = await open(path, 'a+', 0o600)
  try {
    await takeOffTornLine(file, path)
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

/** How every line of ours begins. */
const opening = Buffer.from('{"kind":"')

async function takeOffTornLine(file: FileHandle, path: string): Promise<void> {
  let end = 0
  for await (const { endsAt } of readLines(file)) end = endsAt
  const { size } = await file.stat()
  if (size === end) return
  const length = Math.min(opening.length, size - end)
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, end)
  if (!buffer.equals(opening.subarray(0, length))) throw invalidOptions(`${path} is no journal of a batch.`)
  await file.truncate(end)
}

/** Whole lines only. */
async function* readLines(file: FileHandle): AsyncGenerator<{ line: string; number: number; endsAt: number }> {
  let rest = Buffer.alloc(0)
  let endsAt = 0
  let number = 0
  for (let position = 0; ; ) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(pieceBytes), 0, pieceBytes, position)
    if (bytesRead === 0) return
    position += bytesRead
    rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)])
    for (let at = rest.indexOf(newline); at >= 0; at = rest.indexOf(newline)) {
      endsAt += at + 1
      yield { line: rest.toString('utf8', 0, at), number: ++number, endsAt }
      rest = rest.subarray(at + 1)
    }
    if (rest.length > maxLineBytes)
      throw invalidOptions('The journal has a line that is far too long to be one of ours.')
  }
}

const kinds = new Set(['begun', 'sending', 'accepted', 'succeeded', 'failed'])

function toEntry(line: string, where: string): JournalEntry {
  try {
    const entry: unknown = JSON.parse(line)
    if (typeof entry === 'object' && entry !== null && 'kind' in entry && kinds.has(String(entry.kind))) {
      return entry as JournalEntry
    }
  } catch {
    // told below, like any other line that is not ours
  }
  throw invalidOptions(`This is not an entry of a batch's journal: ${where}.`)
}
