import { namespaces } from '../xml/namespaces.ts'
import { joinXml, type Xml, xml } from '../xml/writer.ts'

export type FaultCode = 'Sender' | 'Receiver' | 'VersionMismatch' | 'MustUnderstand'

export interface SoapFaultOptions {
  /** Child of env:Detail. */
  detail?: Xml
  /** HTTP status where it is not the one that SOAP 1.2 gives for the code. */
  status?: number
}

/** A fault as the reply to a request; its message goes into env:Reason. */
export class SoapFault extends Error {
  override readonly name = 'SoapFault'
  readonly code: FaultCode
  /** QNames with the prefixes of `namespaces`, outermost first. */
  readonly subcodes: readonly string[]
  readonly detail: Xml | null
  readonly status: number

  constructor(path: readonly [FaultCode, ...string[]], reason: string, options: SoapFaultOptions = {}) {
    super(reason)
    const [code, ...subcodes] = path
    this.code = code
    this.subcodes = subcodes
    this.detail = options.detail ?? null
    this.status = options.status ?? (code === 'Sender' ? 400 : 500)
  }
}

export const faults = {
  wellFormed: (reason: string) => new SoapFault(['Sender', 'ter:WellFormed'], reason),
  tagMismatch: (reason: string) => new SoapFault(['Sender', 'ter:TagMismatch'], reason),
  unknownAction: (reason: string) => new SoapFault(['Sender', 'ter:UnknownAction'], reason),
  invalidArgs: (reason: string) => new SoapFault(['Sender', 'ter:InvalidArgs'], reason),
  invalidValue: (subcode: string, reason: string) =>
    new SoapFault(['Sender', 'ter:InvalidArgVal', `ter:${subcode}`], reason),
  notAuthorized: (reason: string) => new SoapFault(['Sender', 'ter:NotAuthorized'], reason),
  notSupported: (operation: string) =>
    new SoapFault(['Receiver', 'ter:ActionNotSupported'], `This camera does not support ${operation}.`),
  /** The one generic code for "understood, but not possible now"; AppMgmt defines none of its own. */
  action: (reason: string) => new SoapFault(['Receiver', 'ter:Action'], reason),
} as const

export function writeFault(fault: SoapFault): Xml {
  return xml`
    <env:Fault>
      <env:Code><env:Value>env:${fault.code}</env:Value>${writeSubcodes(fault.subcodes)}</env:Code>
      <env:Reason><env:Text xml:lang="en">${fault.message}</env:Text></env:Reason>
      ${fault.detail === null ? null : xml`<env:Detail>${fault.detail}</env:Detail>`}
    </env:Fault>`
}

function writeSubcodes(subcodes: readonly string[]): Xml {
  const [first, ...rest] = subcodes
  if (first === undefined) return joinXml([])
  return xml`<env:Subcode><env:Value>${first}</env:Value>${writeSubcodes(rest)}</env:Subcode>`
}

/** A WS-BaseFaults fault, as WS-Notification uses them. `name` is a prefixed element name such as wsrfr:ResourceUnknownFault. */
export function baseFault(name: string, reason: string, timestamp: string): SoapFault {
  if (!(name.split(':')[0] ?? '').match(new RegExp(`^(${Object.keys(namespaces).join('|')})$`))) {
    throw new TypeError(`${name} has a prefix that replies do not declare.`)
  }
  const open = { markup: `<${name}>` }
  const close = { markup: `</${name}>` }
  const detail = xml`${open}<wsrfbf:Timestamp>${timestamp}</wsrfbf:Timestamp><wsrfbf:Description>${reason}</wsrfbf:Description>${close}`
  return new SoapFault(['Receiver', 'ter:Action', name], reason, { detail })
}
