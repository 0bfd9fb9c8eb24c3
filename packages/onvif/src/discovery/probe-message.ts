/** WS-Discovery of April 2005 with WS-Addressing of 2004, as ONVIF Core uses them; the event service uses a later one. */
const ns = {
  a: 'http://schemas.xmlsoap.org/ws/2004/08/addressing',
  d: 'http://schemas.xmlsoap.org/ws/2005/04/discovery',
} as const

/**
 * What cameras are asked for. Types of one Probe are joined by AND, so each has its own: `tds:Device` is the one that ONVIF Core
 * requires, and old cameras know `dn:NetworkVideoTransmitter` only. Many compare prefixes as text.
 */
export const probedTypes = [
  { qName: 'dn:NetworkVideoTransmitter', declaration: 'xmlns:dn="http://www.onvif.org/ver10/network/wsdl"' },
  { qName: 'tds:Device', declaration: 'xmlns:tds="http://www.onvif.org/ver10/device/wsdl"' },
] as const

/** A Probe on one line, since some parsers in cameras fail on line breaks; `messageId` is a UUID. */
export function writeProbe(type: (typeof probedTypes)[number], messageId: string): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>' +
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" ' +
    `xmlns:a="${ns.a}" xmlns:d="${ns.d}" ${type.declaration}><e:Header>` +
    `<a:MessageID>urn:uuid:${messageId}</a:MessageID>` +
    '<a:To e:mustUnderstand="true">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>' +
    `<a:Action e:mustUnderstand="true">${ns.d}/Probe</a:Action></e:Header>` +
    `<e:Body><d:Probe><d:Types>${type.qName}</d:Types><d:Scopes/></d:Probe></e:Body></e:Envelope>`
  )
}
