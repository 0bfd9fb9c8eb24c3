import { createHash, type KeyObject, X509Certificate } from 'node:crypto'
import { PackageError } from '../package-error.ts'

/** A certificate as a signature carries it. Nothing about it is verified: to Android it is a name for a key. */
export interface SigningCertificate {
  der: Buffer
  key: KeyObject
  /** Lower case hex; Android tells certificates apart by their bytes. */
  sha256: string
  /** On one line, bounded; empty when it names nobody. */
  subject: string
}

const maxSubjectLength = 1000

/** Throws PackageError `signature-invalid`; `where` says whose certificate it is. */
export function readCertificate(der: Buffer, where: string): SigningCertificate {
  const certificate = parse(der, where)
  // OpenSSL stops where the certificate ends; Android goes by all of the bytes, and would see another certificate.
  if (!certificate.raw.equals(der)) throw invalid(where, 'its certificate is followed by other bytes')
  const sha256 = createHash('sha256').update(der).digest('hex')
  return { der, key: keyOf(certificate, where), sha256, subject: describeSubject(certificate) }
}

function parse(der: Buffer, where: string): X509Certificate {
  try {
    return new X509Certificate(der)
  } catch (cause) {
    throw invalid(where, 'its certificate cannot be read', cause)
  }
}

function keyOf(certificate: X509Certificate, where: string): KeyObject {
  try {
    return certificate.publicKey
  } catch (cause) {
    throw invalid(where, 'the key in its certificate cannot be read', cause)
  }
}

function describeSubject(certificate: X509Certificate): string {
  // Undefined, against its type, where the certificate names nobody.
  const subject: string | undefined = certificate.subject
  return (subject ?? '')
    .toWellFormed()
    .split('\n')
    .join(', ')
    .replace(/\p{Cc}+/gu, ' ')
    .slice(0, maxSubjectLength)
}

/** A signature, or a part of one, that does not hold. */
export function invalid(where: string, what: string, cause?: unknown): PackageError {
  return new PackageError('signature-invalid', `The ${where} is not valid: ${what}.`, { cause })
}
