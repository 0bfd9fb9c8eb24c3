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
