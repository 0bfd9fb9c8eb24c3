import { stat } from 'node:fs/promises'
import { errorCode } from '../state/error-code.ts'

/** Changes whenever a file was replaced or a folder's entries changed. */
export interface FileStamp {
  text: string
  modifiedAtMs: number
}

/** Null when there is nothing at the path. */
export async function readStamp(path: string): Promise<FileStamp | null> {
  try {
    const { mtimeNs, mtimeMs, size, ino } = await stat(path, { bigint: true })
    return { text: `${mtimeNs}-${size}-${ino}`, modifiedAtMs: Number(mtimeMs) }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null
    throw error
  }
}
