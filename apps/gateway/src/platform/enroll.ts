import { Enrollment } from '@ocelli/contract'
import { GatewayError } from '../state/gateway-error.ts'
import type { StateFolder } from '../state/state-folder.ts'
import { createCertificateRequest } from './certificate-request.ts'
import { readEnrollmentToken } from './enrollment-token.ts'
import {
  checkCertificate,
  fingerprintOf,
  type GatewayIdentity,
  generatePrivateKey,
  keyOf,
  loadIdentity,
  readCertificate,
  saveIdentity,
} from './gateway-identity.ts'
import { createHttpClient, type HttpClient } from './http-client.ts'
import { callJson, expectBody } from './json-call.ts'
import { findPinnedCa } from './platform-trust.ts'
import { type Environment, isLoopback } from './proxy.ts'

export interface EnrollOptions {
  folder: StateFolder
  platformUrl: string
  token: string
  name: string
  version: string
  env: Environment
  signal: AbortSignal
  idleTimeoutMs?: number
  /** That the token takes over another gateway's cameras is meant. */
  replace?: boolean
}

/**
 * Makes this folder a gateway of the token's site, or renews it: a folder that was enrolled with the same platform keeps
 * its key and gateway id. Throws GatewayError (`invalid-input`, `ca-mismatch`, `certificate-invalid`,
 * `platform-refused`, `platform-unreachable`); then the folder is as it was.
 */
export async function enroll(options: EnrollOptions): Promise<GatewayIdentity> {
  const { folder, name, version, env, signal, idleTimeoutMs = 30_000 } = options
  const platformUrl = readPlatformUrl(options.platformUrl)
  const { secret, caFingerprint, replaces } = readEnrollmentToken(options.token)
  checkIntent(replaces, options.replace ?? false)
  const before = await identityAt(folder, caFingerprint)
  const privateKey = before?.privateKey ?? generatePrivateKey()

  const open = createHttpClient({ caCertificate: null, env, idleTimeoutMs })
  const pinnedCa = await findPinnedCa(platformUrl, { http: open, caFingerprint, env, signal })
  const http: HttpClient = pinnedCa ? createHttpClient({ caCertificate: pinnedCa, env, idleTimeoutMs }) : open
  const csr = createCertificateRequest(keyOf({ privateKey }))
  const answer = await callJson(http, {
    method: 'POST',
    url: new URL('/device/v1/gateways/enroll', platformUrl),
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ secret, csr, name, version, ...(before ? { gatewayId: before.gatewayId } : {}) }),
    signal,
  })
  const enrollment = expectBody(answer, Enrollment, 'enroll this gateway')
  checkCa(enrollment.caCertificate, caFingerprint)
  const identity = { ...enrollment, privateKey, name, platformUrl: platformUrl.href }
  checkCertificate(identity)
  await saveIdentity(folder, identity)
  return identity
}

/** Only https, or http that never leaves this machine: the secret in the token would be readable on the way. */
export function readPlatformUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
    throw new GatewayError('invalid-input', `"${text}" is no address of a platform, such as https://ocelli.example.com`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new GatewayError('invalid-input', 'The address of the platform must not hold a user name or password.')
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new GatewayError(
      'invalid-input',
      `${url.origin} is not encrypted. Use https; plain http works only to the platform on this machine.`,
    )
  }
  return url
}

/** The identity to keep: only with the platform that gave it, known by its CA. */
export async function identityAt(folder: StateFolder, caFingerprint: string): Promise<GatewayIdentity | null> {
  const identity = await loadIdentity(folder)
  if (!identity) return null
  return fingerprintOf(readCertificate(identity.caCertificate)) === caFingerprint ? identity : null
}

function checkCa(caCertificate: string, caFingerprint: string): void {
  const fingerprint = fingerprintOf(readCertificate(caCertificate))
  if (fingerprint === caFingerprint) return
  throw new GatewayError(
    'ca-mismatch',
    `The platform's CA has the fingerprint ${fingerprint}, the enrollment token names ${caFingerprint}. ` +
      'Either the token belongs to another platform or somebody stands in between.',
  )
}

/** Whoever takes cameras over says so, and whoever says so does. */
function checkIntent(replaces: string | undefined, isMeant: boolean): void {
  if (replaces && !isMeant) {
    throw new GatewayError(
      'invalid-input',
      `This token takes over all cameras of gateway ${replaces}, which is then revoked. If that is meant, say --replace.`,
    )
  }
  if (isMeant && !replaces) {
    throw new GatewayError(
      'invalid-input',
      'This token replaces no gateway. Make one that does with: ocelli gateways replace <gateway>',
    )
  }
}
