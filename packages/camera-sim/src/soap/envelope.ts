import { namespaceDeclarations, namespaces, simulator, wsse } from '../xml/namespaces.ts'
import { childNamed, readXml, type XmlElement, XmlError } from '../xml/reader.ts'
import { type Xml, xml } from '../xml/writer.ts'
import { faults, SoapFault } from './soap-fault.ts'

/** A SOAP 1.2 request taken apart. */
export interface SoapRequest {
  /** The wrapper element of the operation. */
  body: XmlElement
  security: XmlElement | undefined
  /** The reference parameter that names a pull point; null when none was sent back. */
  subscriptionId: string | null
  /** WS-Addressing headers; null when the client sent none. */
  addressing: { action: string | null; messageId: string | null } | null
}

/** Reads a request. Throws SoapFault. */
export function readEnvelope(text: string): SoapRequest {
  const root = readRoot(text)
  if (root.name !== 'Envelope') throw faults.wellFormed('The root element is not a SOAP envelope.')
  if (root.namespace !== namespaces.env) throw new SoapFault(['VersionMismatch'], 'Only SOAP 1.2 is spoken here.')
  const header = root.children.find((child) => child.name === 'Header' && child.namespace === namespaces.env)
  const body = root.children.find((child) => child.name === 'Body' && child.namespace === namespaces.env)
  const [wrapper, second] = body?.children ?? []
  if (wrapper === undefined) throw faults.wellFormed('The SOAP body is missing or empty.')
  if (second !== undefined) throw faults.wellFormed('The SOAP body holds more than one element.')
  const headers = header?.children ?? []
  checkUnderstood(headers)
  return {
    body: wrapper,
    security: headers.find((one) => one.name === 'Security' && one.namespace === wsse),
    subscriptionId: headers.find((one) => one.namespace === simulator)?.text.trim() ?? null,
    addressing: readAddressing(headers),
  }
}

function readRoot(text: string): XmlElement {
  try {
    return readXml(text)
  } catch (error) {
    if (error instanceof XmlError) throw faults.wellFormed(`The request is not well-formed. ${error.message}`)
    throw error
  }
}

const understood: readonly string[] = [wsse, namespaces.wsa, simulator]

function checkUnderstood(headers: readonly XmlElement[]): void {
  const foreign = headers.find((one) => isMandatory(one) && !understood.includes(one.namespace))
  if (foreign !== undefined) {
    throw new SoapFault(['MustUnderstand'], `The header ${foreign.qualifiedName} is not understood.`)
  }
}

function isMandatory(header: XmlElement): boolean {
  return header.attributes.some(
    ({ namespace, name, value }) =>
      namespace === namespaces.env && name === 'mustUnderstand' && ['1', 'true'].includes(value.trim()),
  )
}

function readAddressing(headers: readonly XmlElement[]): SoapRequest['addressing'] {
  const own = headers.filter((one) => one.namespace === namespaces.wsa)
  if (own.length === 0) return null
  const textOf = (name: string) => own.find((one) => one.name === name)?.text.trim() ?? null
  return { action: textOf('Action'), messageId: textOf('MessageID') }
}

export interface ReplyOptions {
  body: Xml
  /** WS-Addressing action of the reply, for requests that used WS-Addressing. */
  addressing?: { action: string; relatesTo: string | null } | null
}

export function writeEnvelope({ body, addressing = null }: ReplyOptions): string {
  const declarations = { markup: namespaceDeclarations }
  const header =
    addressing === null
      ? null
      : xml`<env:Header>
          <wsa:Action>${addressing.action}</wsa:Action>
          ${addressing.relatesTo === null ? null : xml`<wsa:RelatesTo>${addressing.relatesTo}</wsa:RelatesTo>`}
        </env:Header>`
  const envelope = xml`<env:Envelope ${declarations}>${header}<env:Body>${body}</env:Body></env:Envelope>`
  return `<?xml version="1.0" encoding="UTF-8"?>\n${envelope.markup}`
}

/** The text of a child that must be there, without the white space around it. Throws SoapFault. */
export function requiredText(element: XmlElement, name: string): string {
  const child = childNamed(element, name)
  if (child === undefined) throw faults.invalidArgs(`${element.name} needs ${name}.`)
  return child.text.trim()
}
