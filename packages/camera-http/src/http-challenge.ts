/** One challenge of a `WWW-Authenticate` header: scheme in lower case, parameter names in lower case, values unquoted. */
export type HttpChallenge = { scheme: string; parameters: ReadonlyMap<string, string> }

/** The values of a header in the order in which the camera sent them. Node's `headers` would join or drop repeated ones. */
export function rawHeaderValues(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = []
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === name.toLowerCase()) values.push(rawHeaders[index + 1] ?? '')
  }
  return values
}

/** Every challenge of an answer, in the camera's order of preference, from repeated headers and from one joined by commas (RFC 9110, 11.6.1). */
export function parseChallenges(rawHeaders: readonly string[]): HttpChallenge[] {
  return rawHeaderValues(rawHeaders, 'www-authenticate').flatMap(parseHeader)
}

// A token followed by "=" is a parameter; a token followed by anything else begins the next challenge.
const PARAMETER = /([!#$%&'*+.^_`|~\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/y
const SCHEME = /([!#$%&'*+.^_`|~\w-]+)(?=\s|,|$)/y
// What is neither is passed over as a whole: looked at again from each of its characters, 32 KiB of it would take 14 s.
const NEITHER = /[!#$%&'*+.^_`|~\w-]+|./sy
const SEPARATORS = /[\s,]+/y

function parseHeader(value: string): HttpChallenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = []
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const match = pattern.exec(value)
    if (match !== null) at = pattern.lastIndex
    return match
  }
  while (at < value.length) {
    if (take(SEPARATORS) !== null) continue
    const parameter = take(PARAMETER)
    if (parameter !== null) {
      const [, name = '', quoted, bare = ''] = parameter
      challenges.at(-1)?.parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? bare)
      continue
    }
    const scheme = take(SCHEME)
    if (scheme !== null) challenges.push({ scheme: (scheme[1] ?? '').toLowerCase(), parameters: new Map() })
    else take(NEITHER)
  }
  return challenges
}
