import type { AccessClass } from '../auth/access.ts'
import type { XmlElement } from '../xml/reader.ts'
import type { Xml } from '../xml/writer.ts'

export interface OperationContext {
  /** The wrapper element of the request. */
  body: XmlElement
  /** Scheme, host and port under which the client sees this camera. */
  baseUrl: string
  path: string
  /** The reference parameter of a pull point, when the client sent one back as a header. */
  subscriptionId: string | null
  /** Aborted when the client is gone or the camera goes down. */
  signal: AbortSignal
}

/** One row of a service's table. */
export interface Operation {
  access: AccessClass
  /** Local names that the wrapper may have as children; null takes any. */
  children: readonly string[] | null
  run(context: OperationContext): Xml | Promise<Xml>
}

/** A service: what it answers under one path. */
export interface SoapService {
  /** Namespaces whose operations it answers; the wrapper must be in one of them. */
  namespaces: readonly string[]
  /** Namespace that the wrapper's children must be in. */
  childNamespace: (wrapper: XmlElement) => string
  operations: Readonly<Record<string, Operation>>
  /** WS-Addressing action of a reply; null for services that do not use WS-Addressing. */
  replyAction: ((operation: string) => string) | null
}
