import { isOnvifError } from '../onvif-error.ts'
import { child, childrenNamed, childText, descend, parseXml, type XmlElement } from '../xml-element.ts'

/** What a ProbeMatch says, within bounds and otherwise as it was written. */
export type ProbeMatch = {
  /** `urn:uuid:...`, in lower case; null when the camera left it out. */
  endpointReference: string | null
  scopes: string[]
  xAddrs: string[]
}

// A camera's answer is one to four kilobytes and names one device; the bounds are for what only looks like one.
const MAX_DATAGRAM_BYTES = 32 * 1024
const MAX_MATCHES = 16
const MAX_WORDS = 64
const MAX_WORD_LENGTH = 512

const DEVICE_NAMESPACE = 'http://www.onvif.org/ver10/device/wsdl'

/**
 * The cameras in a datagram that answers one of our Probes; none in anything else: malformed, of another search, of printers and
 * computers that answer to every Probe, too long. Never throws: errors on multicast are dropped (ONVIF Core, discovery).
 */
export function readProbeMatches(datagram: Uint8Array, probeIds: readonly string[]): ProbeMatch[] {
  if (datagram.length > MAX_DATAGRAM_BYTES) return []
  const text = new TextDecoder().decode(datagram)
  if (!text.includes('ProbeMatches')) return []
  const root = readXml(text)
  if (root?.name !== 'Envelope' || !isAnswerTo(childText(child(root, 'Header'), 'RelatesTo'), probeIds)) return []
  const matches = childrenNamed(descend(root, 'Body', 'ProbeMatches'), 'ProbeMatch').slice(0, MAX_MATCHES)
  const isDeviceType = text.includes(DEVICE_NAMESPACE)
  return matches.filter((match) => isCamera(match, isDeviceType)).map(readMatch)
}

function readXml(text: string): XmlElement | null {
  try {
    return parseXml(text)
  } catch (error) {
    if (isOnvifError(error)) return null
    throw error
  }
}

// `uuid:`, `urn:uuid:` and nothing before it, in both cases: cameras write the id of the question in their own way.
function isAnswerTo(relatesTo: string | undefined, probeIds: readonly string[]): boolean {
  const told = relatesTo?.toLowerCase() ?? ''
  return told === '' || probeIds.some((id) => told.endsWith(id.toLowerCase()))
}

function isCamera(match: XmlElement, isDeviceType: boolean): boolean {
  const names = words(childText(match, 'Types')).map((type) => type.slice(type.lastIndexOf(':') + 1))
  if (names.includes('NetworkVideoTransmitter') || (isDeviceType && names.includes('Device'))) return true
  return words(childText(match, 'Scopes')).some((scope) => /^onvif:\/\//i.test(scope))
}

function readMatch(match: XmlElement): ProbeMatch {
  const reference = childText(child(match, 'EndpointReference'), 'Address') ?? ''
  return {
    endpointReference: reference === '' || reference.length > 255 ? null : reference.toLowerCase(),
    scopes: words(childText(match, 'Scopes')),
    xAddrs: words(childText(match, 'XAddrs')),
  }
}

function words(text: string | undefined): string[] {
  const all = (text ?? '').split(/\s+/).filter((word) => word !== '' && word.length <= MAX_WORD_LENGTH)
  return all.slice(0, MAX_WORDS)
}
