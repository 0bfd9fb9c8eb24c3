import { createHash } from 'node:crypto'
import type { Credentials } from '@ocelli/camera-http'
import { NAMESPACE } from './namespaces.ts'
import { escapeXml } from './xml-element.ts'

const PASSWORD_DIGEST =
  'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest'
const BASE64 = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary'

// Some firmware refuses nonces of 32 bytes; the profile recommends at least 16.
const NONCE_BYTES = 16

export type UsernameTokenInput = {
  credentials: Credentials
  /** The time by the camera's clock: cameras accept some 5 to 300 s of difference. */
  cameraTime: Date
  random: (bytes: number) => Uint8Array
}

/** A `wsse:Security` header with a digested password (OASIS UsernameToken Profile 1.0): Base64(SHA-1(nonce + created + password)). */
export function buildSecurityHeader({ credentials, cameraTime, random }: UsernameTokenInput): string {
  const nonce = random(NONCE_BYTES)
  // Whole seconds and a literal Z: some firmware refuses fractions and `+00:00`.
  const created = `${cameraTime.toISOString().slice(0, 19)}Z`
  const digest = createHash('sha1')
    .update(nonce)
    .update(created, 'utf8')
    .update(credentials.password, 'utf8')
    .digest('base64')
  return (
    `<wsse:Security xmlns:wsse="${NAMESPACE.security}" xmlns:wsu="${NAMESPACE.securityUtility}" env:mustUnderstand="1">` +
    `<wsse:UsernameToken><wsse:Username>${escapeXml(credentials.user)}</wsse:Username>` +
    `<wsse:Password Type="${PASSWORD_DIGEST}">${digest}</wsse:Password>` +
    `<wsse:Nonce EncodingType="${BASE64}">${Buffer.from(nonce).toString('base64')}</wsse:Nonce>` +
    `<wsu:Created>${created}</wsu:Created></wsse:UsernameToken></wsse:Security>`
  )
}
