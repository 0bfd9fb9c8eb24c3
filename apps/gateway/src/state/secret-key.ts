import { randomBytes, randomUUID } from 'node:crypto'
import { constants, copyFile, link, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { temporarySuffix } from './atomic-file.ts'
import { errorCode } from './error-code.ts'
import { GatewayError } from './gateway-error.ts'

const keyBytes = 32

/** The folder's key; made when there is none. Two processes that start at once end up with the same one. */
export async function readSecretKey(folder: string): Promise<Buffer> {
  const path = join(folder, 'secret.key')
  const key = (await readIfThere(path)) ?? (await makeKey(path))
  if (key.length !== keyBytes) {
    throw new GatewayError('state-corrupt', `${path} is not a key of ${keyBytes} bytes. Put the saved one back.`)
  }
  return key
}

async function makeKey(path: string): Promise<Buffer> {
  const temporary = `${path}.${randomUUID()}${temporarySuffix}`
  try {
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await handle.writeFile(randomBytes(keyBytes))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await placeIfAbsent(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
  return readFile(path)
}

/** A link fails when the name is taken, so the first of two processes wins; not every file system has links. */
async function placeIfAbsent(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return
    try {
      await copyFile(from, to, constants.COPYFILE_EXCL)
    } catch (copyError) {
      if (errorCode(copyError) !== 'EEXIST') throw copyError
    }
  }
}

async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null
    throw error
  }
}
