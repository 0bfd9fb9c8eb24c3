import { NAMESPACE } from './namespaces.ts'
import { OnvifError, type SoapFault } from './onvif-error.ts'
import { child, childrenNamed, childText, descend, parseXml, type XmlElement } from './xml-element.ts'

/** A SOAP 1.2 request on one line: some camera parsers fail on line breaks between elements. */
export function buildEnvelope(parts: { headers: string; body: string }): string {
  const header = parts.headers === '' ? '' : `<env:Header>${parts.headers}</env:Header>`
  return (
    '<?xml version="1.0" encoding="UTF-8"?>' +
    `<env:Envelope xmlns:env="${NAMESPACE.envelope}">${header}<env:Body>${parts.body}</env:Body></env:Envelope>`
  )
}

export type SoapContent = { kind: 'body'; element: XmlElement } | { kind: 'fault'; fault: QualifiedFault }

/** A fault that keeps the namespace text of each subcode, since `ActionNotSupported` means two things (ONVIF's and WS-Addressing's). */
export type QualifiedFault = SoapFault & { isAddressingFault: boolean }

/**
 * The first element of the body of a SOAP answer, or its fault. Elements are found by local name, so SOAP 1.1 answers and lost
 * namespace declarations are read too. Throws `bad-reply` for what is no SOAP.
 */
export function readEnvelope(text: string): SoapContent {
  const root = parseXml(text)
  const body = child(root, 'Body')
  if (root.name !== 'Envelope' || body === undefined) {
    throw new OnvifError('bad-reply', 'The camera answered with XML that is not a SOAP message.')
  }
  const element = body.children[0]
  if (element === undefined) throw new OnvifError('bad-reply', 'The camera answered with an empty SOAP body.')
  return element.name === 'Fault' ? { kind: 'fault', fault: readFault(element) } : { kind: 'body', element }
}

function readFault(fault: XmlElement): QualifiedFault {
  const names: string[] = []
  for (let code = child(fault, 'Code'); code !== undefined; code = child(code, 'Subcode')) {
    names.push(localName(childText(code, 'Value') ?? ''))
  }
  const [code, ...subcodes] = names.length > 0 ? names : soap11Codes(childText(fault, 'faultcode') ?? '')
  const reason = childrenNamed(child(fault, 'Reason'), 'Text')[0]?.text.trim() ?? childText(fault, 'faultstring') ?? ''
  const problemAction = descend(fault, 'Detail', 'ProblemAction')
  const isAddressingFault = problemAction !== undefined || /\[action\] cannot be processed/i.test(reason)
  return { code: code ?? '', subcodes: subcodes.filter((name) => name !== ''), reason, isAddressingFault }
}

// SOAP 1.1 has one code, at times with dots: `env:Client.NotAuthorized`.
function soap11Codes(faultcode: string): string[] {
  const [code = '', ...rest] = localName(faultcode).split('.')
  return [code === 'Client' ? 'Sender' : code === 'Server' ? 'Receiver' : code, ...rest]
}

function localName(qualified: string): string {
  return qualified.slice(qualified.lastIndexOf(':') + 1)
}
