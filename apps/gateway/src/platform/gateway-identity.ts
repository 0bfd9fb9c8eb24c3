import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Clock } from '../state/clock.ts'
import { GatewayError } from '../state/gateway-error.ts'
import type { StateFolder } from '../state/state-folder.ts'

/** Who this gateway is to which platform. One file, so that key and certificate never come apart. */
const StoredIdentity = Type.Object({
  platformUrl: Type.String(),
  gatewayId: Type.String(),
  siteId: Type.String(),
  name: Type.String(),
  sealedPrivateKey: Type.String(),
  certificate: Type.String(),
  caCertificate: Type.String(),
  mqttUrl: Type.String(),
  mqttWebSocketUrl: Type.String(),
})

export type GatewayIdentity = Omit<Static<typeof StoredIdentity>, 'sealedPrivateKey'> & {
  /** PKCS #8, PEM; sealed at rest. */
  privateKey: string
}

const fileName = 'enrollment.json'

/** Null when the folder was never enrolled. Throws `state-corrupt`. */
export async function loadIdentity(folder: StateFolder): Promise<GatewayIdentity | null> {
  const stored = await folder.readJson(fileName)
  if (stored === null) return null
  if (!Value.Check(StoredIdentity, stored)) {
    throw new GatewayError('state-corrupt', `${folder.path}/${fileName} is not what a gateway writes. Enroll again.`)
  }
  const { sealedPrivateKey, ...rest } = stored
  return { ...rest, privateKey: folder.unseal(sealedPrivateKey) }
}

export async function requireIdentity(folder: StateFolder): Promise<GatewayIdentity> {
  const identity = await loadIdentity(folder)
  if (identity) return identity
  throw new GatewayError(
    'not-enrolled',
    `${folder.path} is not enrolled. Make an enrollment token for the site and run: ocelli-gateway enroll`,
  )
}

/** A gateway that has just been started beside its platform enrolls within a second or two. */
const enrollsWithinMs = 10_000
const lookEveryMs = 250

/** Waits a while for a gateway that is enrolling at this moment; then throws `not-enrolled`. */
export async function awaitIdentity(
  folder: StateFolder,
  { clock, signal, onWait }: { clock: Clock; signal: AbortSignal; onWait: () => void },
): Promise<GatewayIdentity> {
  const identity = await loadIdentity(folder)
  if (identity) return identity
  onWait()
  const untilMs = clock.monotonic() + enrollsWithinMs
  while (clock.monotonic() < untilMs) {
    await clock.sleep(lookEveryMs, signal)
    const late = await loadIdentity(folder)
    if (late) return late
  }
  return await requireIdentity(folder)
}

export async function saveIdentity(folder: StateFolder, identity: GatewayIdentity): Promise<void> {
  const { privateKey, ...rest } = identity
  await folder.writeJson(fileName, { ...rest, sealedPrivateKey: folder.seal(privateKey) })
}

/** P-256: what ES256 assertions and TLS client certificates of any broker take. */
export function generatePrivateKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

export const keyOf = ({ privateKey }: Pick<GatewayIdentity, 'privateKey'>): KeyObject => createPrivateKey(privateKey)

/** Throws `certificate-invalid` unless the certificate names the gateway, belongs to its key and is signed by the CA. */
export function checkCertificate(identity: Omit<GatewayIdentity, 'platformUrl'>): void {
  const certificate = readCertificate(identity.certificate)
  const problem = ((): string | null => {
    const { subject } = certificate
    if (!subject.split('\n').includes(`CN=${identity.gatewayId}`)) return 'is made out to another gateway'
    if (!certificate.checkPrivateKey(keyOf(identity))) return "does not belong to this gateway's key"
    if (!certificate.verify(readCertificate(identity.caCertificate).publicKey))
      return "is not signed by the platform's CA"
    return null
  })()
  if (problem) throw new GatewayError('certificate-invalid', `The certificate that the platform sent ${problem}.`)
}

export function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw new GatewayError('certificate-invalid', 'The platform sent a certificate that cannot be read.', { cause })
  }
}

/** SHA-256 of the certificate (DER), lower-case hex. */
export const fingerprintOf = (certificate: X509Certificate): string =>
  certificate.fingerprint256.replaceAll(':', '').toLowerCase()
