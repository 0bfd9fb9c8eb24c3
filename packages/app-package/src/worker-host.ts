import { Worker } from 'node:worker_threads'
import type { AppPackage } from './app-package.ts'
import { PackageError, type PackageErrorCode } from './package-error.ts'

/** What a reading worker posts; a failure that is not the package's fault ends it with an error instead. */
export type WorkerAnswer =
  | { kind: 'read'; appPackage: AppPackage }
  | { kind: 'refused'; code: PackageErrorCode; detail: string }

/** MiB. Chunks and directory lie outside this heap and are bounded by the reader; this is for what was overlooked. */
const resourceLimits = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 }

/**
 * Runs the module `entry` as a worker with `path` as its data and waits for its one answer. The worker is gone when
 * this settles, whatever it was doing: at the timeout and when aborted it is killed.
 */
export async function askWorker(
  entry: URL,
  path: string,
  options: { timeoutMs: number; signal: AbortSignal | null },
): Promise<AppPackage> {
  const { timeoutMs, signal } = options
  signal?.throwIfAborted()
  const worker = new Worker(entry, { workerData: path, resourceLimits, execArgv: [], env: {} })
  const { promise, resolve, reject } = Promise.withResolvers<AppPackage>()
  const onAbort = (): void => reject(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(() => {
    reject(new PackageError('timeout', `The package could not be read within ${timeoutMs} ms.`))
  }, timeoutMs)
  worker.on('message', (answer: WorkerAnswer) => {
    if (answer.kind === 'read') resolve(answer.appPackage)
    else reject(new PackageError(answer.code, answer.detail))
  })
  worker.on('error', (error) => reject(isOutOfMemory(error) ? tooMuchMemory(error) : error))
  worker.on('exit', (code) => reject(new Error(`The package reader ended without an answer (exit code ${code}).`)))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    await worker.terminate()
  }
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
}

function tooMuchMemory(cause: unknown): PackageError {
  return new PackageError('too-complex', 'The package takes more memory to read than is allowed.', { cause })
}
