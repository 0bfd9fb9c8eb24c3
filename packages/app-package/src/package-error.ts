/**
 * Why a package is refused. `not-a-package`: no readable package file. `manifest-invalid`: it does not say what it is.
 * `unsigned`: an .apk without APK Signature Scheme v2 or v3. `signature-invalid`: signed, and the signature does not hold,
 * or cannot be read.
 * `too-complex`: beyond the limits of this reader. `timeout`: not read within `timeoutMs`.
 */
export type PackageErrorCode =
  | 'not-a-package'
  | 'manifest-invalid'
  | 'unsigned'
  | 'signature-invalid'
  | 'too-complex'
  | 'timeout'

/** A package that cannot be accepted. `detail` is a sentence for the person who uploads it. */
export class PackageError extends Error {
  override readonly name = 'PackageError'
  readonly code: PackageErrorCode
  readonly detail: string

  constructor(code: PackageErrorCode, detail: string, options?: { cause: unknown }) {
    super(detail, options)
    this.code = code
    this.detail = detail
  }
}
