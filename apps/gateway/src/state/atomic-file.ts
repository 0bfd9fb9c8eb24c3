import { randomUUID } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { errorCode } from './error-code.ts'
import { GatewayError } from './gateway-error.ts'

export const temporarySuffix = '.tmp'

/** Writes so that a reader, a crash or a power cut sees the whole old or the whole new content. */
export async function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}${temporarySuffix}`)
  try {
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await renameOver(temporary, path)
    await syncFolder(dirname(path))
  } catch (error) {
    await rm(temporary, { force: true })
    throw asDiskError(error, path)
  }
}

/** Windows refuses to replace a file that a reader or a virus scanner holds open; it lets go within moments. */
async function renameOver(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await rename(from, to)
    } catch (error) {
      if (!['EPERM', 'EACCES', 'EBUSY'].includes(errorCode(error)) || attempt === 20) throw error
      await wait(25)
    }
  }
}

/** The rename itself is durable only once the folder is; Windows has no such call and needs none. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A full disk is told as such; anything else stays what it was. */
export function asDiskError(error: unknown, path: string): unknown {
  const code = errorCode(error)
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error
  return new GatewayError('disk-full', `No room left on the disk for ${path}. Free some space and it goes on.`, {
    cause: error,
  })
}
