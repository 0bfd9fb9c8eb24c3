import { type Xml, xml } from '../xml/writer.ts'

/** WS-Discovery of April 2005 with WS-Addressing of 2004; the event service uses a later WS-Addressing. */
export const ns = {
  env: 'http://www.w3.org/2003/05/soap-envelope',
  a: 'http://schemas.xmlsoap.org/ws/2004/08/addressing',
  d: 'http://schemas.xmlsoap.org/ws/2005/04/discovery',
  dn: 'http://www.onvif.org/ver10/network/wsdl',
  tds: 'http://www.onvif.org/ver10/device/wsdl',
} as const

const toAll = 'urn:schemas-xmlsoap-org:ws:2005:04:discovery'
const toAsker = `${ns.a}/role/anonymous`

/** What is said about one camera. */
export interface Target {
  endpointId: string
  scopes: readonly string[]
  xaddrs: readonly string[]
}

export interface MessageHead {
  messageId: string
  /** Grows at each reboot of the camera. */
  instanceId: number
  messageNumber: number
}

export function writeHello(target: Target, head: MessageHead): string {
  return envelope('Hello', { ...head, to: toAll, relatesTo: null }, xml`<d:Hello>${about(target)}</d:Hello>`)
}

export function writeBye(target: Target, head: MessageHead): string {
  return envelope('Bye', { ...head, to: toAll, relatesTo: null }, xml`<d:Bye>${reference(target)}</d:Bye>`)
}

export function writeProbeMatch(target: Target, head: MessageHead & { relatesTo: string }): string {
  const body = xml`<d:ProbeMatches><d:ProbeMatch>${about(target)}</d:ProbeMatch></d:ProbeMatches>`
  return envelope('ProbeMatches', { ...head, to: toAsker }, body)
}

export function writeResolveMatch(target: Target, head: MessageHead & { relatesTo: string }): string {
  const body = xml`<d:ResolveMatches><d:ResolveMatch>${about(target)}</d:ResolveMatch></d:ResolveMatches>`
  return envelope('ResolveMatches', { ...head, to: toAsker }, body)
}

function reference({ endpointId }: Target): Xml {
  return xml`<a:EndpointReference><a:Address>urn:uuid:${endpointId}</a:Address></a:EndpointReference>`
}

/** Many peers compare the types as text, so they carry these very prefixes. */
function about(target: Target): Xml {
  return xml`
    ${reference(target)}
    <d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types>
    <d:Scopes>${target.scopes.join(' ')}</d:Scopes>
    <d:XAddrs>${target.xaddrs.join(' ')}</d:XAddrs>
    <d:MetadataVersion>1</d:MetadataVersion>`
}

type Head = MessageHead & { to: string; relatesTo: string | null }

function envelope(action: string, head: Head, body: Xml): string {
  const declarations = {
    markup: Object.entries(ns)
      .map(([prefix, uri]) => `xmlns:${prefix}="${uri}"`)
      .join(' '),
  }
  const message = xml`
    <env:Envelope ${declarations}>
      <env:Header>
        <a:MessageID>urn:uuid:${head.messageId}</a:MessageID>
        ${head.relatesTo === null ? null : xml`<a:RelatesTo>${head.relatesTo}</a:RelatesTo>`}
        <a:To>${head.to}</a:To>
        <a:Action>${ns.d}/${action}</a:Action>
        <d:AppSequence InstanceId="${head.instanceId}" MessageNumber="${head.messageNumber}"/>
      </env:Header>
      <env:Body>${body}</env:Body>
    </env:Envelope>`
  return `<?xml version="1.0" encoding="UTF-8"?>${message.markup}`
}
