export type OfflineErrorCode =
  | 'bundle-damaged'
  | 'bundle-expired'
  | 'bundle-unknown-key'
  | 'site-file-invalid'
  | 'receipts-damaged'

/** A file of the offline way, or what it says, cannot be used. The sentence says what to do. */
export class OfflineError extends Error {
  override readonly name = 'OfflineError'
  readonly code: OfflineErrorCode

  constructor(code: OfflineErrorCode, detail: string, options: { cause?: unknown } = {}) {
    super(detail, options)
    this.code = code
  }
}
