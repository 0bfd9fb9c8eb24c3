/** One request as the camera saw it. */
export interface LoggedRequest {
  /** Local name of the SOAP operation, `Upload` for packages, name of the CGI on Axis; empty when not understood. */
  operation: string
  /** Whether credentials came along and were right. */
  authenticated: boolean
  /** Which credentials were sent, right or wrong. */
  credentials: 'none' | 'basic' | 'digest' | 'username-token'
  method: string
  path: string
  /** HTTP status of the reply; null while there is none, and when the connection was cut. */
  status: number | null
}

const maxEntries = 2000

export interface RequestLog {
  readonly entries: readonly LoggedRequest[]
  /** Adds an entry that may still be completed. */
  begin(request: Pick<LoggedRequest, 'method' | 'path'>): LoggedRequest
  clear(): void
}

/** The newest requests, oldest first. */
export function createRequestLog(): RequestLog {
  const entries: LoggedRequest[] = []
  return {
    entries,
    begin({ method, path }) {
      const entry: LoggedRequest = {
        operation: '',
        authenticated: false,
        credentials: 'none',
        method,
        path,
        status: null,
      }
      entries.push(entry)
      if (entries.length > maxEntries) entries.shift()
      return entry
    },
    clear() {
      entries.length = 0
    },
  }
}
