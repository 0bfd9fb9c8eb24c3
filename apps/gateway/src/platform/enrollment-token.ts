import { EnrollmentTokenContent } from '@ocelli/contract'
import { Value } from 'typebox/value'
import { GatewayError } from '../state/gateway-error.ts'

const mark = 'oet1.'

/** Reads `oet1.<base64url JSON>`. Throws `invalid-input`; the token itself never shows in the error. */
export function readEnrollmentToken(token: string): EnrollmentTokenContent {
  const text = token.trim()
  if (!text.startsWith(mark)) throw unreadable()
  const content = parse(Buffer.from(text.slice(mark.length), 'base64url').toString('utf8'))
  if (!Value.Check(EnrollmentTokenContent, content)) throw unreadable()
  return content
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message would quote a part of the secret.
    throw unreadable()
  }
}

const unreadable = () =>
  new GatewayError('invalid-input', 'This is no enrollment token. Copy it whole, from "oet1." to its last character.')
