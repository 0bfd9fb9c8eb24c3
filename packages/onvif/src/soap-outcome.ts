import {
  chooseDigest,
  type DigestChallenge,
  type HttpReply,
  parseChallenges,
  rawHeaderValues,
} from '@ocelli/camera-http'
import { OnvifError } from './onvif-error.ts'
import { type QualifiedFault, readEnvelope } from './soap-envelope.ts'
import type { XmlElement } from './xml-element.ts'

/** What an HTTP answer to a SOAP request means. `challenge` is the Digest challenge that we can answer, if the camera sent one. */
export type SoapOutcome =
  | { kind: 'answer'; element: XmlElement }
  | { kind: 'login-wanted'; status: number; challenge: DigestChallenge | undefined; fault: QualifiedFault | undefined }
  | { kind: 'fault'; status: number; fault: QualifiedFault }
  | { kind: 'no-soap'; status: number; error: OnvifError }

// ONVIF's own subcode, those of WS-Security (section 12), and what gSOAP servers make of an old `Created`.
const LOGIN_SUBCODES = new Set([
  'NotAuthorized',
  'SenderNotAuthorized',
  'FailedAuthentication',
  'InvalidSecurity',
  'InvalidSecurityToken',
  'MessageExpired',
])

/** Reads an answer. A fault counts at any HTTP status, 200 included; a 401 asks for a login whatever its body says. */
export function readOutcome(reply: HttpReply): SoapOutcome {
  const { status } = reply
  const content = readContent(reply)
  const fault = content.kind === 'fault' ? content.fault : undefined
  if (status === 401 || (fault !== undefined && isLoginFault(fault))) {
    return { kind: 'login-wanted', status, challenge: chooseDigest(parseChallenges(reply.rawHeaders)), fault }
  }
  if (fault !== undefined) return { kind: 'fault', status, fault }
  if (content.kind === 'body' && status < 300) return { kind: 'answer', element: content.element }
  // A refusal without SOAP: some cameras forbid instead of challenging.
  if (status === 403) return { kind: 'login-wanted', status, challenge: undefined, fault: undefined }
  return { kind: 'no-soap', status, error: content.kind === 'none' ? content.error : statusError(reply) }
}

function isLoginFault(fault: QualifiedFault): boolean {
  return [fault.code, ...fault.subcodes].some((name) => LOGIN_SUBCODES.has(name))
}

type Content = ReturnType<typeof readEnvelope> | { kind: 'none'; error: OnvifError }

function readContent(reply: HttpReply): Content {
  if (reply.body.length === 0) return { kind: 'none', error: statusError(reply) }
  try {
    return readEnvelope(decodeBody(reply))
  } catch (error) {
    if (!(error instanceof OnvifError)) throw error
    return { kind: 'none', error: reply.status < 300 ? describeBadBody(reply, error) : statusError(reply) }
  }
}

function decodeBody({ body, rawHeaders }: HttpReply): string {
  const header = rawHeaderValues(rawHeaders, 'content-type')[0] ?? ''
  const label = /charset\s*=\s*"?([\w.:-]+)/i.exec(header)?.[1] ?? declaredEncoding(body)
  return decoderFor(label).decode(body)
}

// Without a charset in the header the XML declaration decides; its own bytes are ASCII in every encoding a camera uses.
function declaredEncoding(body: Buffer): string {
  const start = body.subarray(0, 128).toString('latin1')
  return /^[^<]*<\?xml[^>]*encoding\s*=\s*["']([\w.:-]+)/.exec(start)?.[1] ?? 'utf-8'
}

function decoderFor(label: string): TextDecoder {
  try {
    return new TextDecoder(label)
  } catch {
    // An encoding that nobody knows: ONVIF demands UTF-8, so that is what the bytes most likely are.
    return new TextDecoder('utf-8')
  }
}

function describeBadBody(reply: HttpReply, error: OnvifError): OnvifError {
  const start = reply.body.subarray(0, 512).toString('latin1')
  if (!/<html|<!doctype html/i.test(start)) return error
  const message =
    'A web page was answered where an ONVIF service should be: ' +
    'the address is that of another device or port, ONVIF is switched off, or the camera is still starting.'
  return new OnvifError('bad-reply', message, { cause: error, httpStatus: reply.status, retryable: true })
}

/** The error for an answer that says all it has to say in its HTTP status. */
export function statusError({ status, rawHeaders }: HttpReply): OnvifError {
  const details = { httpStatus: status }
  if (status >= 300 && status < 400) {
    const location = rawHeaderValues(rawHeaders, 'location')[0] ?? 'another address'
    return new OnvifError('bad-reply', `The camera wants to be asked at ${location}; use that address.`, details)
  }
  if (status === 404) return new OnvifError('unsupported', 'The camera has no such service (HTTP 404).', details)
  if (status === 429 || (status >= 502 && status <= 504)) {
    return new OnvifError('rejected', `The camera is busy (HTTP ${status}).`, { ...details, retryable: true })
  }
  if (status < 300) return new OnvifError('bad-reply', `The camera answered HTTP ${status} with no content.`, details)
  return new OnvifError('rejected', `The camera refused the request (HTTP ${status}).`, details)
}

/** The error for a fault that is not about the login. */
export function faultError(fault: QualifiedFault, status: number): OnvifError {
  const { code, subcodes, reason } = fault
  const details = { fault: { code, subcodes, reason }, httpStatus: status }
  const names = [code, ...subcodes].join('/')
  const words = reason === '' ? names : `${reason} (${names})`
  if (['ActionNotSupported', 'UnknownAction', 'NoSuchService'].some((name) => subcodes.includes(name))) {
    return new OnvifError('unsupported', `The camera does not support this operation: ${words}.`, details)
  }
  const isTransient = subcodes.includes('OutofMemory') || subcodes.includes('CriticalError')
  return new OnvifError('rejected', `The camera refused the request: ${words}.`, { ...details, retryable: isTransient })
}
