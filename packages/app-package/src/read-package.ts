import { readApk } from './apk/read-apk.ts'
import type { AppPackage } from './app-package.ts'
import type { ByteSource } from './byte-source.ts'
import { readEap } from './eap/read-eap.ts'

/** Reads a package of the kind that its first bytes tell, whatever its name. Throws PackageError. */
export async function readPackage(source: ByteSource): Promise<AppPackage> {
  const head = await source.read(0, Math.min(2, source.size))
  const isGzip = head.length === 2 && head.readUInt16BE(0) === 0x1f8b
  return isGzip ? await readEap(source) : await readApk(source)
}
