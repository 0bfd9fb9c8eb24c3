import { type ErrorCategory, errorCategories, type InstallationError } from '@ocelli/contract'

/** What goes wrong in the gateway's work itself; cameras have DriverError, disk and platform GatewayError. */
export class WorkError extends Error {
  override readonly name = 'WorkError'
  readonly category: ErrorCategory
  readonly code: string
  readonly retryable: boolean

  constructor(options: {
    category: ErrorCategory
    code: string
    detail: string
    retryable: boolean
    cause?: unknown
  }) {
    super(options.detail, { cause: options.cause })
    this.category = options.category
    this.code = options.code
    this.retryable = options.retryable
  }
}

/** The work was cut short by something that is no fault: a stop, a greater revision, a lost session. Planned again. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError'
  readonly code: 'stopped' | 'superseded' | 'session-lost'

  constructor(code: InterruptedError['code'], detail: string) {
    super(detail)
    this.code = code
  }
}

/**
 * Any error as the installation's error, within the lengths of the wire. DriverError, GatewayError and WorkError keep
 * their category and code; what nobody translated is `internal`.
 */
export function toInstallationError(error: unknown, atMs: number): InstallationError {
  const at = new Date(atMs).toISOString()
  if (!(error instanceof Error)) return { ...unknownError, detail: 'Something failed without an error.', at }
  const detail = error.message.slice(0, 2000)
  const known = translated(error)
  if (!known) return { ...unknownError, detail: detail || error.name, at }
  const { appLog, ...rest } = known
  return {
    ...rest,
    code: known.code.slice(0, 100),
    deviceCode: known.deviceCode?.slice(0, 200) ?? null,
    ...(appLog ? { appLog: appLog.slice(-4000) } : {}),
    detail,
    at,
  }
}

const unknownError = { category: 'internal', code: 'internal', deviceCode: null, retryable: false } as const

function translated(error: Error): Omit<InstallationError, 'detail' | 'at'> | null {
  const { category, code, retryable, deviceCode, appLog } = error as unknown as Record<string, unknown>
  if (!isCategory(category) || typeof code !== 'string' || typeof retryable !== 'boolean') return null
  return {
    ...{ category, code, retryable },
    deviceCode: typeof deviceCode === 'string' ? deviceCode : null,
    appLog: typeof appLog === 'string' ? appLog : null,
  }
}

const isCategory = (value: unknown): value is ErrorCategory => errorCategories.some((category) => category === value)
