import { childNamed, readXml, type XmlElement, XmlError } from '../xml/reader.ts'
import { ns, type Target } from './messages.ts'

/** What somebody asks for by UDP. */
export type Query =
  | { kind: 'probe'; messageId: string; types: readonly QName[]; scopes: readonly string[]; matchBy: string }
  | { kind: 'resolve'; messageId: string; address: string }

interface QName {
  namespace: string
  name: string
}

const rfc3986 = `${ns.d}/rfc3986`
const rfc2396 = `${ns.d}/rfc2396`
const exact = `${ns.d}/strcmp0`

/** Reads a datagram; null for all that is no Probe or Resolve, since errors on multicast are dropped silently. */
export function readQuery(text: string): Query | null {
  const root = readOrNull(text)
  if (root?.name !== 'Envelope' || root.namespace !== ns.env) return null
  const header = childNamed(root, 'Header')
  const messageId = header && childNamed(header, 'MessageID')?.text.trim()
  const asked = childNamed(root, 'Body')?.children.find((child) => child.namespace === ns.d)
  if (messageId === undefined || messageId === '' || asked === undefined) return null
  if (asked.name === 'Probe') return readProbe(asked, messageId)
  if (asked.name !== 'Resolve') return null
  const endpoint = childNamed(asked, 'EndpointReference')
  const address = endpoint && childNamed(endpoint, 'Address')?.text.trim()
  return address === undefined ? null : { kind: 'resolve', messageId, address }
}

function readProbe(probe: XmlElement, messageId: string): Query {
  const types = childNamed(probe, 'Types')
  const scopes = childNamed(probe, 'Scopes')
  const matchBy = scopes?.attributes.find((attribute) => attribute.name === 'MatchBy')?.value
  return {
    kind: 'probe',
    messageId,
    types: words(types?.text).map((word) => resolve(word, types?.scope ?? new Map())),
    scopes: words(scopes?.text),
    matchBy: matchBy ?? rfc2396,
  }
}

/** Whether a camera is meant: all types and all scopes asked for must be its own. */
export function isMeant(query: Query, target: Target): boolean {
  if (query.kind === 'resolve') return query.address === `urn:uuid:${target.endpointId}`
  if (![rfc3986, rfc2396, exact].includes(query.matchBy)) return query.scopes.length === 0 && areTypesOurs(query.types)
  const isScope = query.matchBy === exact ? (asked: string, own: string) => asked === own : isUriPrefix
  return areTypesOurs(query.types) && query.scopes.every((asked) => target.scopes.some((own) => isScope(asked, own)))
}

function areTypesOurs(types: readonly QName[]): boolean {
  return types.every(
    ({ namespace, name }) =>
      (namespace === ns.dn && name === 'NetworkVideoTransmitter') || (namespace === ns.tds && name === 'Device'),
  )
}

/** RFC 3986 rule: scheme and authority whatever their case, the path segment by segment. */
function isUriPrefix(asked: string, own: string): boolean {
  const one = split(asked)
  const other = split(own)
  if (one === null || other === null || one.origin !== other.origin) return false
  return one.segments.every((segment, index) => segment === other.segments[index])
}

function split(uri: string): { origin: string; segments: string[] } | null {
  const match = /^([a-z][a-z0-9+.-]*:\/\/[^/?#]*)([^?#]*)/i.exec(uri)
  if (match === null) return null
  return { origin: (match[1] ?? '').toLowerCase(), segments: (match[2] ?? '').split('/').filter((part) => part !== '') }
}

function resolve(word: string, scope: ReadonlyMap<string, string>): QName {
  const colon = word.indexOf(':')
  return { namespace: scope.get(word.slice(0, Math.max(colon, 0))) ?? '', name: word.slice(colon + 1) }
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '')
}

function readOrNull(text: string): XmlElement | null {
  try {
    return readXml(text)
  } catch (error) {
    if (error instanceof XmlError) return null
    throw error
  }
}
