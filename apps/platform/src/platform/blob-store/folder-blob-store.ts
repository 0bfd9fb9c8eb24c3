import { constants } from 'node:fs'
import { copyFile, link, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DataFolderError, makeFolder } from '../data-folder.ts'
import { ProblemError } from '../http/problem.ts'
import { type BlobStore, type BlobStoreOptions, putBy } from './blob-store.ts'
import { asDiskProblem, ifMissing, openStagingArea, type StagedFile } from './staging-area.ts'

/** Blobs as files `ab/cdef…` in a folder; a file that has its name is whole and on disk. */
export async function openFolderBlobStore(
  options: Required<Pick<BlobStoreOptions, 'nowMs' | 'spareBytes'>> & { folder: string | URL },
): Promise<BlobStore> {
  const folder = options.folder instanceof URL ? fileURLToPath(options.folder) : options.folder
  // Packages are for those who hold a quantity, not for everybody on this machine.
  await makeFolder(folder, 0o700).catch((cause: Error) => {
    throw new DataFolderError(
      `Cannot keep packages in ${folder}: ${cause.message}. Choose another folder by BLOB_URL.`,
      {
        cause,
      },
    )
  })
  const staging = await openStagingArea({ ...options, folder: join(folder, 'incoming') })
  const pathOf = (sha256: string) => join(folder, checkedHash(sha256).slice(0, 2), sha256.slice(2))
  const receive: BlobStore['receive'] = async (stream, limits) => {
    const staged = await staging.stage(stream, limits)
    return {
      ...staged,
      keep: () => keep(staged, pathOf(staged.sha256)),
      discard: () => staging.discard(staged.path),
    }
  }
  return {
    receive,
    put: putBy(receive),
    async open(sha256, range) {
      const file = await open(pathOf(sha256)).catch(ifMissing(null))
      if (!file) throw missing(sha256)
      return file.createReadStream({ highWaterMark: 256 * 1024, ...range })
    },
    size: async (sha256) => (await stat(pathOf(sha256)).catch(ifMissing(null)))?.size ?? null,
    remove: (sha256) => rm(pathOf(sha256), { force: true }),
    temporaryUrl: async () => null,
  }
}

/**
 * A second name for the staged file, which stays until it is discarded; a copy where the disk knows no links, or holds a file of
 * that name that lost bytes.
 */
async function keep(staged: StagedFile, path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true })
    await link(staged.path, path).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') {
        if ((await stat(path).catch(ifMissing(null)))?.size === staged.size) return
      } else if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK', 'EXDEV'].includes(error.code ?? '')) throw error
      const draft = `${staged.path}.copy`
      await copyFile(staged.path, draft, constants.COPYFILE_FICLONE)
      await syncFile(draft)
      await rename(draft, path)
    })
    // the name must survive a power cut as well as the bytes; Windows opens no folders
    if (process.platform !== 'win32') await syncFile(dirname(path))
  } catch (error) {
    throw asDiskProblem(error)
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** What comes here becomes a path. */
export function checkedHash(sha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error(`"${sha256}" is not a SHA-256.`)
  return sha256
}

export function missing(sha256: string): ProblemError {
  return new ProblemError('unavailable', 'The file is missing in the package store: tell the operator.', {
    cause: new Error(`blob ${sha256} is missing`),
  })
}
