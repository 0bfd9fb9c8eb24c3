import { setImmediate } from 'node:timers/promises'
import type { AccessClass } from '../auth/access.ts'
import type { Gatekeeper, Verdict } from '../auth/gatekeeper.ts'
import { type FaultSet, includesOperation } from '../faults.ts'
import type { LoggedRequest } from '../request-log.ts'
import { checkChildren, findOperation } from '../soap/dispatch.ts'
import { readEnvelope, type SoapRequest, writeEnvelope } from '../soap/envelope.ts'
import type { Operation, SoapService } from '../soap/operation.ts'
import { SoapFault, faults as soapFaults, writeFault } from '../soap/soap-fault.ts'
import { namespaces } from '../xml/namespaces.ts'
import type { Xml } from '../xml/writer.ts'
import { baseUrlOf } from './base-url.ts'
import type { Answer, Exchange } from './exchange.ts'
import { readBody } from './read-body.ts'

export interface SoapEndpointOptions {
  gatekeeper: Gatekeeper
  faults: FaultSet
  isLenient: boolean
  /** Called for every operation that changes something and was allowed. */
  onWrite: () => void
}

const soapType = 'application/soap+xml; charset=utf-8'
const maxRequestBytes = 1024 * 1024
const wsaFaultAction = 'http://www.w3.org/2005/08/addressing/soap/fault'

/** Answers one SOAP request to a service. */
export async function answerSoap(
  service: SoapService,
  exchange: Exchange,
  options: SoapEndpointOptions & { entry: LoggedRequest },
): Promise<void> {
  const { faults } = options
  if (exchange.method !== 'POST') return exchange.reply({ status: 405, headers: { Allow: 'POST' } })
  if (!isSoapType(exchange.request.headers['content-type'], faults.get('actionParameter'))) {
    return exchange.reply({ status: 415 })
  }
  exchange.acceptBody()
  const text = await readBody(exchange.request, maxRequestBytes)
  if (text === null) return exchange.reply({ status: 413, headers: { Connection: 'close' } })
  const answer =
    challengeProbe(exchange, { text, options }) ?? (await answerText(service, exchange, { ...options, text }))
  // A reboot that the operation set off takes effect before its reply.
  await setImmediate()
  if (answer.status !== 401 && faults.concerns('dropReply', options.entry.operation)) return exchange.cut()
  await exchange.reply(spoil(answer, options.entry.operation, faults))
}

/** Clients of HTTP Digest ask for a challenge by a request without body, to send the real one only once. */
function challengeProbe(exchange: Exchange, probe: { text: string; options: SoapEndpointOptions }): Answer | null {
  const { authorization } = exchange.request.headers
  if (probe.text !== '' || authorization !== undefined) return null
  const { method, target } = exchange
  const { gatekeeper } = probe.options
  const verdict = gatekeeper.authorize({
    access: 'WRITE_SYSTEM',
    method,
    target,
    authorization,
    security: undefined,
    isSoap: true,
  })
  return verdict.kind === 'challenge' ? answerVerdict(verdict) : null
}

type AnswerOptions = SoapEndpointOptions & { entry: LoggedRequest; text: string }

async function answerText(service: SoapService, exchange: Exchange, options: AnswerOptions): Promise<Answer> {
  let request: SoapRequest | null = null
  try {
    request = readEnvelope(options.text)
    options.entry.operation = request.body.name
    return await answerRequest(service, { exchange, request, options })
  } catch (error) {
    return answerFault(toFault(error), { request, status: options.faults.get('faultStatus') })
  }
}

interface Job {
  exchange: Exchange
  request: SoapRequest
  options: AnswerOptions
}

async function answerRequest(service: SoapService, { exchange, request, options }: Job): Promise<Answer> {
  const { faults, entry } = options
  const name = request.body.name
  if (faults.get('noGetServices') && name === 'GetServices') throw soapFaults.notSupported(name)
  const operation = findOperation(service, request.body)
  const isDateTimeClosed = name === 'GetSystemDateAndTime' && faults.get('dateTimeNeedsAuthentication')
  const access = isDateTimeClosed ? 'READ_SYSTEM' : operation.access
  const denial = judge(access, { exchange, request, options })
  if (denial !== null) return denial
  if (access === 'WRITE_SYSTEM' || access === 'UNRECOVERABLE') options.onWrite()
  const failure = faults.get('failOperation')
  if (includesOperation(failure?.operations, entry.operation)) throw soapFaults.action(failure?.reason ?? '')
  if (!options.isLenient) checkChildren(service, operation, request.body)
  return runOperation(service, operation, { exchange, request, options })
}

async function runOperation(service: SoapService, operation: Operation, job: Job): Promise<Answer> {
  const { exchange, request, options } = job
  const body = await operation.run({
    body: request.body,
    baseUrl: baseUrlOf(exchange.request, options.faults.get('xaddr')),
    path: exchange.path,
    subscriptionId: request.subscriptionId,
    signal: exchange.signal,
  })
  const addressing =
    service.replyAction === null || request.addressing === null
      ? null
      : { action: service.replyAction(request.body.name), relatesTo: request.addressing.messageId }
  const isQualified = options.faults.get('qualifiedReplies') && request.body.namespace === namespaces.ans
  return { status: 200, type: soapType, body: writeEnvelope({ body: isQualified ? qualify(body) : body, addressing }) }
}

/** Puts the elements without prefix, which only AppMgmt's replies have, into its namespace. */
function qualify(body: Xml): Xml {
  return { markup: body.markup.replace(/<(\/?)(?=[A-Z]\w*[\s/>])/g, '<$1ans:') }
}

/** Null when the caller may go on, else the reply that keeps him out. */
function judge(access: AccessClass, { exchange, request, options }: Job): Answer | null {
  const { authorization } = exchange.request.headers
  options.entry.credentials =
    authorization !== undefined ? 'digest' : request.security !== undefined ? 'username-token' : 'none'
  const verdict = options.gatekeeper.authorize({
    access,
    method: exchange.method,
    target: exchange.target,
    authorization,
    security: request.security,
    isSoap: true,
  })
  options.entry.authenticated = verdict.kind === 'granted' && verdict.by !== 'none'
  return answerVerdict(verdict)
}

/** Null for a granted one. Throws SoapFault where ONVIF Core wants a fault instead of an HTTP challenge. */
export function answerVerdict(verdict: Verdict): Answer | null {
  switch (verdict.kind) {
    case 'granted':
      return null
    case 'challenge':
      return { status: 401, body: verdict.detail, headers: { 'WWW-Authenticate': verdict.headers } }
    case 'malformed':
      return { status: 400, body: verdict.detail }
    case 'not-authorized':
      throw soapFaults.notAuthorized(verdict.detail)
  }
}

function toFault(error: unknown): SoapFault {
  if (error instanceof SoapFault) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new SoapFault(['Receiver', 'ter:CriticalError'], reason)
}

function answerFault(fault: SoapFault, context: { request: SoapRequest | null; status: number | undefined }): Answer {
  const { request, status = fault.status } = context
  // Only WS-Notification wants WS-Addressing on its faults, and only from those who use it.
  const addressing =
    request?.addressing && request.body.namespace !== namespaces.ans
      ? { action: wsaFaultAction, relatesTo: request.addressing.messageId }
      : null
  const body = writeEnvelope({ body: writeFault(fault), addressing })
  return { status, type: soapType, body }
}

function isSoapType(header: string | undefined, actionFault: 'required' | 'refused' | undefined): boolean {
  const [type = '', ...parameters] = (header ?? '').split(';').map((part) => part.trim().toLowerCase())
  if (type !== 'application/soap+xml') return false
  const hasAction = parameters.some((parameter) => /^action\s*=/.test(parameter))
  return actionFault === undefined || hasAction === (actionFault === 'required')
}

function spoil(answer: Answer, operation: string, faults: FaultSet): Answer {
  if (answer.status === 401) return answer
  if (faults.concerns('htmlReply', operation)) {
    return { status: 200, type: 'text/html', body: '<!DOCTYPE html><html><body><h1>Web client</h1><br></body></html>' }
  }
  const body = answer.body ?? ''
  if (faults.concerns('malformedXml', operation))
    return { ...answer, body: body.slice(0, Math.ceil(body.length * 0.7)) }
  const padding = (faults.get('hugeReplyBytes') ?? 0) - body.length
  return padding > 0 ? { ...answer, body: `${body}<!--${' '.repeat(padding)}-->` } : answer
}
