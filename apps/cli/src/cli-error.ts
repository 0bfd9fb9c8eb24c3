export type CliErrorCode =
  | 'wrong-usage'
  | 'not-signed-in'
  | 'not-found'
  | 'not-trusted'
  | 'file-failed'
  | 'some-failed'
  | 'refused'
  | 'cancelled'

/** What this program itself refuses. The message is a sentence for a person that says what to do. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: CliErrorCode

  constructor(code: CliErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.code = code
  }
}

export const wrongUsage = (message: string): CliError => new CliError('wrong-usage', message)

/** Whether Node could not open, read or write a file: its message names the reason and the file. A full disk names none. */
export const isFileFault = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error && 'code' in error && ('path' in error || error.code === 'ENOSPC')
