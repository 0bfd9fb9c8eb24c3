// Before @peculiar/x509, whose parts find each other through metadata on the global Reflect object.
import 'reflect-metadata'
import { createHash, KeyObject, X509Certificate as NodeCertificate, randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'
import type { Database } from '../database/database.ts'
import { ProblemError } from '../http/problem.ts'
import { activeKey } from '../keys/instance-keys.ts'
import type { Vault } from '../keys/master-key.ts'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const dayMs = 86_400_000
const caLifeMs = 30 * 365 * dayMs
const gatewayLifeMs = 365 * dayMs
const serverLifeMs = 825 * dayMs
/** A machine whose clock is a little behind must not find a fresh certificate "not valid yet". */
const backdatedMs = 3_600_000

export interface IssuedGatewayCertificate {
  certificatePem: string
  /** Hexadecimal. */
  serial: string
  /** RFC 3339. */
  expiresAt: string
  publicJwk: Record<string, unknown>
}

export interface KeyAndCertificate {
  /** The certificate and, after it, the CA's: a gateway pins the CA that it finds in the chain. */
  certPem: string
  keyPem: string
}

export interface CertificateAuthority {
  certificatePem: string
  /** SHA-256 of the CA certificate (DER), lower-case hex: what enrollment tokens carry. */
  fingerprint: string
  /**
   * A client certificate of one year for the key in the request, common name = gatewayId. Whatever subject the request
   * names is ignored. Throws ProblemError `invalid-request` unless the request is signed by its own P-256 key.
   */
  issueGatewayCertificate(request: { csrPem: string; gatewayId: string }): Promise<IssuedGatewayCertificate>
  /** A server certificate of 825 days for host names and IP addresses, with a key of its own. */
  issueServerCertificate(request: { names: string[] }): Promise<KeyAndCertificate>
  /** A client certificate with a key of its own, of a day where nothing else is said: for probes, and for the platform itself at an external broker. */
  issueClientCertificate(request: { commonName: string; lifeMs?: number }): Promise<KeyAndCertificate>
}

/** The instance's own CA: one key for all processes, kept sealed in the database, made when there is none. */
export async function createCertificateAuthority(
  db: Database,
  vault: Vault,
  nowMs: () => number,
): Promise<CertificateAuthority> {
  const { publicPart, privatePart } = await activeKey(db, vault, { purpose: 'ca', make: () => makeCa(nowMs()) })
  const { certificatePem } = publicPart as { certificatePem: string }
  const ca = new x509.X509Certificate(certificatePem)
  const signingKey = await crypto.subtle.importKey('pkcs8', Buffer.from(privatePart, 'base64'), algorithm, false, [
    'sign',
  ])

  async function issue(options: {
    commonName: string
    publicKey: CryptoKey | x509.PublicKey
    lifeMs: number
    extensions: x509.Extension[]
  }): Promise<x509.X509Certificate> {
    const { commonName, publicKey, lifeMs, extensions } = options
    return await x509.X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: [{ CN: [commonName] }],
      issuer: ca.subject,
      notBefore: new Date(nowMs() - backdatedMs),
      notAfter: new Date(Math.min(nowMs() + lifeMs, ca.notAfter.getTime())),
      signingAlgorithm: algorithm,
      publicKey,
      signingKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        await x509.AuthorityKeyIdentifierExtension.create(ca),
        ...extensions,
      ],
    })
  }

  async function issueWithKey(options: Omit<Parameters<typeof issue>[0], 'publicKey'>): Promise<KeyAndCertificate> {
    const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
    const certificate = await issue({ ...options, publicKey })
    const keyPem = KeyObject.from(privateKey).export({ type: 'pkcs8', format: 'pem' }).toString()
    return { certPem: `${certificate.toString('pem')}\n${certificatePem}`, keyPem }
  }

  return {
    certificatePem,
    fingerprint: createHash('sha256').update(Buffer.from(ca.rawData)).digest('hex'),
    async issueGatewayCertificate({ csrPem, gatewayId }) {
      const request = await readRequest(csrPem)
      const extensions = [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])]
      const { publicKey } = request
      const certificate = await issue({ commonName: gatewayId, publicKey, lifeMs: gatewayLifeMs, extensions })
      return {
        certificatePem: `${certificate.toString('pem')}\n`,
        serial: certificate.serialNumber,
        expiresAt: certificate.notAfter.toISOString(),
        publicJwk: publicJwkOf(certificate.toString('pem')),
      }
    },
    async issueServerCertificate({ names }) {
      const [commonName] = names
      if (!commonName) throw new Error('A server certificate needs at least one name.')
      const alternatives = names.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value }))
      const extensions = [
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(alternatives),
      ]
      return await issueWithKey({ commonName: commonName.slice(0, 64), lifeMs: serverLifeMs, extensions })
    },
    async issueClientCertificate({ commonName, lifeMs = dayMs }) {
      const extensions = [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])]
      return await issueWithKey({ commonName, lifeMs, extensions })
    },
  }
}

/** The public key of a certificate (PEM) as a JWK: `{ kty, crv, x, y }`. */
export function publicJwkOf(certificatePem: string): Record<string, unknown> {
  const { kty, crv, x, y } = new NodeCertificate(certificatePem).publicKey.export({ format: 'jwk' })
  return { kty, crv, x, y }
}

export function isSameKey(one: Record<string, unknown>, other: Record<string, unknown>): boolean {
  return (['kty', 'crv', 'x', 'y'] as const).every((part) => one[part] === other[part])
}

async function makeCa(nowMs: number) {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    // the random part tells the CAs of several instances apart in a browser's list
    name: [{ CN: [`Ocelli CA ${randomBytes(4).toString('hex')}`] }],
    notBefore: new Date(nowMs - backdatedMs),
    notAfter: new Date(nowMs + caLifeMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  const privatePart = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return {
    keyId: certificate.serialNumber,
    publicPart: { certificatePem: `${certificate.toString('pem')}\n` },
    privatePart,
  }
}

async function readRequest(csrPem: string): Promise<x509.Pkcs10CertificateRequest> {
  const refused = (cause?: unknown) =>
    new ProblemError(
      'invalid-request',
      'The certificate request is not a PKCS #10 request (PEM) that is signed by its own P-256 key.',
      { cause },
    )
  const request = await parse(csrPem, refused)
  const { name, namedCurve } = request.publicKey.algorithm as { name?: string; namedCurve?: string }
  if (name !== 'ECDSA' || namedCurve !== 'P-256') throw refused()
  return request
}

async function parse(
  csrPem: string,
  refused: (cause?: unknown) => ProblemError,
): Promise<x509.Pkcs10CertificateRequest> {
  try {
    const request = new x509.Pkcs10CertificateRequest(csrPem)
    if (await request.verify()) return request
  } catch (cause) {
    throw refused(cause)
  }
  throw refused()
}

/** 127 random bits: positive, and at most 20 octets (RFC 5280, 4.1.2.2). */
function newSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}
