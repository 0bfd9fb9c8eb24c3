import { Worker } from 'node:worker_threads'
import type { AppPackage } from './app-package.ts'
import { PackageError, type PackageErrorCode } from './package-error.ts'

export interface ReadOptions {
  /** The reader is killed after this time; 60 s by default, of which a 500 MB package needs a few. */
  timeoutMs?: number
  signal?: AbortSignal
}

/** What the worker answers; a failure that is not the package's fault reaches us as the worker's `error` event. */
export type WorkerAnswer =
  | { kind: 'read'; appPackage: AppPackage }
  | { kind: 'refused'; code: PackageErrorCode; detail: string }

const defaultTimeoutMs = 60_000
/** MiB. Chunks and directory lie outside this heap and are bounded by the reader; this is for what was overlooked. */
const resourceLimits = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 }

/**
 * Reads the package file at `path`: identity, version, platform, architectures, and its signature, verified against all
 * of its contents. Works in bounded memory in a thread of its own, which is killed at the timeout or when aborted.
 * Throws PackageError for a package that cannot be accepted, the signal's reason when aborted, and the system's error
 * when the file cannot be read.
 */
export async function readAppPackage(path: string, options: ReadOptions = {}): Promise<AppPackage> {
  const { timeoutMs = defaultTimeoutMs, signal } = options
  signal?.throwIfAborted()
  const worker = new Worker(new URL('./read-worker.ts', import.meta.url), {
    workerData: path,
    resourceLimits,
    execArgv: [],
    env: {},
  })
  const { promise, resolve, reject } = Promise.withResolvers<AppPackage>()
  const onAbort = (): void => reject(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(() => {
    reject(new PackageError('timeout', `The package could not be read within ${timeoutMs} ms.`))
  }, timeoutMs)
  worker.once('message', (answer: WorkerAnswer) => {
    if (answer.kind === 'read') resolve(answer.appPackage)
    else reject(new PackageError(answer.code, answer.detail))
  })
  worker.once('error', (error) => reject(isOutOfMemory(error) ? tooMuchMemory(error) : error))
  worker.once('exit', (code) => reject(new Error(`The package reader ended without an answer (exit code ${code}).`)))
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
