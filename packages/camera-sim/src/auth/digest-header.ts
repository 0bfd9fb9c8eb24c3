export type DigestAlgorithm = 'MD5' | 'SHA-256' | 'MD5-sess' | 'SHA-256-sess'

/** What a client wrote into its Authorization header (RFC 7616 section 3.4). */
export interface DigestCredentials {
  username: string
  realm: string
  nonce: string
  uri: string
  response: string
  algorithm: string
  opaque: string | undefined
  qop: string | undefined
  cnonce: string
  nc: string
}

/** The parts of a Digest Authorization header; null when it is of another scheme or cannot be read. */
export function parseDigestHeader(header: string): DigestCredentials | null {
  const scheme = /^Digest +/i.exec(header)
  if (scheme === null) return null
  const parameters = parseParameters(header.slice(scheme[0].length))
  if (parameters === null) return null
  const { username, realm, nonce, uri, response, opaque, qop } = Object.fromEntries(parameters)
  if (username === undefined || realm === undefined || nonce === undefined) return null
  if (uri === undefined || response === undefined) return null
  return {
    // Node hands header bytes over as Latin-1; the challenge asks for UTF-8 names.
    username: Buffer.from(username, 'latin1').toString('utf8'),
    realm: Buffer.from(realm, 'latin1').toString('utf8'),
    nonce,
    uri,
    response: response.toLowerCase(),
    algorithm: parameters.get('algorithm') ?? 'MD5',
    opaque,
    qop,
    cnonce: parameters.get('cnonce') ?? '',
    nc: parameters.get('nc') ?? '',
  }
}

function parseParameters(text: string): Map<string, string> | null {
  const parameters = new Map<string, string>()
  const pattern = /\s*([A-Za-z0-9_*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*(?:,|$)/y
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text)
    if (match === null) return null
    const name = (match[1] ?? '').toLowerCase()
    if (parameters.has(name)) return null
    parameters.set(name, match[3] ?? (match[2] ?? '').replace(/\\(.)/g, '$1'))
  }
  return parameters
}
