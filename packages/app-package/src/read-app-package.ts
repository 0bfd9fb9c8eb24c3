import type { AppPackage } from './app-package.ts'
import { askWorker } from './worker-host.ts'

export interface ReadOptions {
  /** The reader is killed after this time; 60 s by default, of which a 500 MB package needs a few. */
  timeoutMs?: number
  signal?: AbortSignal
}

const defaultTimeoutMs = 60_000

/**
 * Reads the package file at `path`, an .apk or an .eap by its contents: identity, version, platform, architectures. The
 * signature of an .apk is verified against all of its contents; that of an .eap only a camera can verify. Works in bounded memory in a thread of its own, which is killed at the timeout or when aborted.
 * Throws PackageError for a package that cannot be accepted, the signal's reason when aborted, and the system's error
 * when the file cannot be read.
 */
export async function readAppPackage(path: string, options: ReadOptions = {}): Promise<AppPackage> {
  const { timeoutMs = defaultTimeoutMs, signal = null } = options
  return askWorker(new URL('./read-worker.ts', import.meta.url), path, { timeoutMs, signal })
}
