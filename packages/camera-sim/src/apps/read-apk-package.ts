import { type ApkPackage, PackageError, readAppPackage } from '@ocelli/app-package'

/** Reads a package for a camera that takes .apk only. Rejects with PackageError. */
export async function readApkPackage(path: string, options: { signal: AbortSignal }): Promise<ApkPackage> {
  const content = await readAppPackage(path, options)
  if (content.format === 'apk') return content
  throw new PackageError('not-a-package', 'This camera takes .apk packages only.')
}
