import { invalidOptions } from '../errors/ocelli-error.ts'

export type QueryValue = string | number | boolean | null | undefined

/** The address of a call: path parameters encoded into their places, query values that are set appended. */
export function requestUrl(
  baseUrl: string,
  path: string,
  { params = {}, query = {} }: { params?: Record<string, string>; query?: Record<string, QueryValue> } = {},
): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name]
    // `.` and `..` would be taken as steps of the path, and nothing as another route
    if (value === undefined || value === '' || value === '.' || value === '..') {
      throw invalidOptions(`${name} must be an id, not ${JSON.stringify(value)}.`)
    }
    return encodeURIComponent(value)
  })
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) search.append(name, String(value))
  }
  const text = search.toString()
  return `${baseUrl}${filled}${text ? `?${text}` : ''}`
}

/** Without the slash at the end. Throws `invalid-options` for anything but an http or https address. */
export function toBaseUrl(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : null
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.search || url.hash || url.username) {
    throw invalidOptions(`baseUrl must be an address such as https://ocelli.example.com, not ${JSON.stringify(given)}.`)
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
}
