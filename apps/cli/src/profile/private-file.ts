import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { CliError } from '../cli-error.ts'
import { decodeText } from './decode-text.ts'

/** The text of a file; null when there is none. Throws `file-failed`. */
export async function readTextFile(path: string): Promise<string | null> {
  try {
    return decodeText(await readFile(path))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw fileFailed(`${path} cannot be read`, error)
  }
}

/**
 * Writes a file that only its owner may read (mode 600, folder 700; on Windows the user's folder is closed to others by
 * itself), so that a crash leaves the old or the new text. Throws `file-failed`.
 */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`)
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await renameOver(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw fileFailed(`${path} cannot be written`, error)
  }
}

/** Whether others than its owner may read it; never on Windows, where modes say nothing. */
export async function isReadableByOthers(path: string, platform: NodeJS.Platform): Promise<boolean> {
  if (platform === 'win32') return false
  return await stat(path).then(
    ({ mode }) => (mode & 0o077) !== 0,
    () => false,
  )
}

/** Windows refuses to replace a file that a virus scanner holds open; it lets go within moments. */
async function renameOver(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await rename(from, to)
    } catch (error) {
      if (!['EPERM', 'EACCES', 'EBUSY'].includes(codeOf(error)) || attempt === 20) throw error
      await pause(25)
    }
  }
}

export const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file or folder.',
  EACCES: 'it is closed to you.',
  EPERM: 'it is closed to you.',
  EISDIR: 'it is a folder.',
  ENOTDIR: 'a part of the path is no folder.',
  ENOSPC: 'the disk is full.',
  EROFS: 'the disk is read-only.',
}

export function fileFailed(what: string, cause: unknown): CliError {
  const why = reasons[codeOf(cause)] ?? (cause instanceof Error ? cause.message : String(cause))
  return new CliError('file-failed', `${what}: ${why}`, { cause })
}
