import { DriverError, type LocalPackage } from '@ocelli/driver'

const ANDROID = 'application/vnd.android.package-archive'
const BYTES = 'application/octet-stream'

/** The package formats behind the MIME types of a camera. Plain bytes are what Android cameras without a better word say. */
export function appFormatsOf(mimeTypes: readonly string[]): LocalPackage['format'][] {
  return mimeTypes.some((type) => [ANDROID, BYTES].includes(type.toLowerCase())) ? ['apk'] : []
}

/** The MIME type to upload with, spelled as the camera does. Throws `incompatible` when the camera takes no such package. */
export function contentTypeFor(format: LocalPackage['format'], mimeTypes: readonly string[]): string {
  const named = (type: string) => mimeTypes.find((each) => each.toLowerCase() === type)
  const contentType = named(ANDROID) ?? named(BYTES)
  if (format === 'apk' && contentType !== undefined) return contentType
  throw new DriverError(
    'incompatible',
    `The camera takes no .${format} packages, only ${mimeTypes.join(', ') || 'none'}.`,
  )
}
