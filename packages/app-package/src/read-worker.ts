import { open } from 'node:fs/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { createFileSource } from './byte-source.ts'
import { PackageError } from './package-error.ts'
import { readPackage } from './read-package.ts'
import type { WorkerAnswer } from './worker-host.ts'

/** Entry of the thread that `readAppPackage` starts. Failures to read the file itself end the thread as they are. */
async function answer(path: string): Promise<WorkerAnswer> {
  await using handle = await open(path)
  const stats = await handle.stat()
  if (!stats.isFile()) return { kind: 'refused', code: 'not-a-package', detail: 'The path does not name a file.' }
  try {
    return { kind: 'read', appPackage: await readPackage(createFileSource(handle, stats.size)) }
  } catch (error) {
    if (error instanceof PackageError) return { kind: 'refused', code: error.code, detail: error.detail }
    throw error
  }
}

parentPort?.postMessage(await answer(String(workerData)))
