import { isAbsolute, join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { CliError, wrongUsage } from '../cli-error.ts'
import { readTextFile, writePrivateFile } from '../profile/private-file.ts'

const columns = ['address', 'device', 'user', 'password', 'result', 'code', 'detail', 'gateway', 'batch'] as const

/** What came of a camera. `batch` and `gateway` say where to ask for what is not known yet. */
export type PasswordRow = Record<(typeof columns)[number], string>

/**
 * The list for the video management system and for going on after an interruption: only its owner may read it, and it is whole
 * before a password is sent.
 */
export interface PasswordFile {
  readonly path: string
  write(rows: readonly PasswordRow[]): Promise<void>
}

/** Throws `wrong-usage` for a file that is there: it may hold the only passwords of other cameras. */
export async function newPasswordFile(file: string, { cwd }: { cwd: string }): Promise<PasswordFile> {
  const path = isAbsolute(file) ? file : join(cwd, file)
  if ((await readTextFile(path)) === null) return fileAt(path)
  throw wrongUsage(`${path} is there already, and is not overwritten: it may hold passwords. Name another file.`)
}

/** One that this program wrote. Throws `file-failed` and `wrong-usage`. */
export async function openPasswordFile(
  file: string,
  { cwd }: { cwd: string },
): Promise<PasswordFile & { rows: PasswordRow[] }> {
  const path = isAbsolute(file) ? file : join(cwd, file)
  const text = await readTextFile(path)
  if (text === null) throw new CliError('file-failed', `${path} is not there.`)
  return { ...fileAt(path), rows: readRows(text, path) }
}

const fileAt = (path: string): PasswordFile => ({
  path,
  async write(rows) {
    const lines = rows.map((row) => columns.map((column) => cell(row[column], column)).join(','))
    await writePrivateFile(path, `${[columns.join(','), ...lines].join('\r\n')}\r\n`)
  },
})

function readRows(text: string, path: string): PasswordRow[] {
  try {
    const records = parse(text, { bom: true }) as unknown as string[][]
    const [head, ...rows] = records
    if (head?.join() !== columns.join()) throw new Error('The columns are others.')
    return rows.map(
      (row) => Object.fromEntries(columns.map((column, index) => [column, row[index] ?? ''])) as PasswordRow,
    )
  } catch {
    // The parser's words may quote a password.
    throw wrongUsage(`${path} is no result file of a change of passwords.`)
  }
}

/** A spreadsheet takes what begins so for a formula. A password must stay as it is: generated ones begin with a letter. */
function cell(value: string, column: (typeof columns)[number]): string {
  const plain = column !== 'password' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}
