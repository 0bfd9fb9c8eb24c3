/** The `code` of a Node error (`ENOENT`, `ECONNREFUSED`), empty when it has none. */
export function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code : ''
}

/** The sentence of anything that was thrown, with its cause's when that says more. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Node's AggregateError (every address of a name refused) has an empty message of its own.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(describeError).join('; ')
  return error.message
}
