/** Stable causes of what goes wrong around the embedded PostgreSQL. */
export type EmbeddedPostgresErrorCode =
  | 'postgres-unavailable'
  | 'already-running'
  | 'other-major'
  | 'folder-unusable'
  | 'folder-closed'
  | 'init-failed'
  | 'start-failed'
  | 'start-timeout'
  | 'stop-timeout'
  | 'password-refused'
  | 'cancelled'

/** What went wrong with the embedded PostgreSQL, in a sentence that the person who starts Ocelli can act on. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError'
  readonly code: EmbeddedPostgresErrorCode

  constructor(code: EmbeddedPostgresErrorCode, detail: string, options: { cause?: unknown } = {}) {
    super(detail, { cause: options.cause })
    this.code = code
  }
}

/** The operating system's code of a failed call (`ENOENT`), or undefined for any other error. */
export function systemCodeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Resolves to undefined where the file or folder does not exist; every other error stays an error. */
export async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
