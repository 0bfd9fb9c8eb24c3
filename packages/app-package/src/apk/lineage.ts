import type { EarlierCertificate } from '../app-package.ts'
import { createByteReader, readSequence } from '../byte-reader.ts'
import { invalid, readCertificate, type SigningCertificate } from './certificate.ts'
import { findAlgorithm, holds } from './signature-algorithms.ts'

const code = 'signature-invalid'
const structVersion = 1
/** More changes of keys than an app sees in its life; each costs a verification. */
const maxLevels = 20
/** PAST_CERT_INSTALLED_DATA: an app signed by the earlier key may be updated, and keeps its data. */
const installedData = 1

interface Level {
  certificate: SigningCertificate
  signedBytes: Buffer
  /** By which the level before says that it signed this one. */
  signedBy: number
  /** By which this level signs the next one. */
  signsBy: number
  signature: Buffer
  capabilities: number
}

/**
 * Reads a proof of rotation (APK Signature Scheme v3, "Proof-of-rotation"): a chain of certificates, oldest first, each signed by
 * the key of the one before. The last must be the one that signed the package. Gives those before it.
 */
export function readLineage(value: Buffer, current: SigningCertificate, where: string): EarlierCertificate[] {
  const reader = createByteReader(value, code)
  if (reader.u32() !== structVersion) throw invalid(where, 'its proof of rotation is of a kind that is not known')
  const levels = readSequence(reader, maxLevels).map((level) => readLevel(level, where))
  for (const [index, level] of levels.entries()) {
    const before = levels[index - 1]
    if (before !== undefined && !isSignedBy(level, before)) {
      throw invalid(where, `certificate ${index + 1} of its proof of rotation is not signed by the one before`)
    }
  }
  if (new Set(levels.map(({ certificate }) => certificate.sha256)).size < levels.length) {
    throw invalid(where, 'its proof of rotation names a certificate twice')
  }
  if (levels.at(-1)?.certificate.sha256 !== current.sha256) {
    throw invalid(where, 'its proof of rotation ends with another certificate than the one that signed')
  }
  return levels.slice(0, -1).map(({ certificate, capabilities }) => ({
    certificateSha256: certificate.sha256,
    keepsData: (capabilities & installedData) !== 0,
  }))
}

function readLevel(bytes: Buffer, where: string): Level {
  const level = createByteReader(bytes, code)
  const signedBytes = level.prefixed()
  const [capabilities, signsBy, signature] = [level.u32(), level.u32(), level.prefixed()]
  const signed = createByteReader(signedBytes, code)
  const certificate = readCertificate(signed.prefixed(), where)
  return { certificate, signedBytes, signedBy: signed.u32(), signsBy, signature, capabilities }
}

function isSignedBy({ signedBytes, signedBy, signature }: Level, before: Level): boolean {
  const algorithm = findAlgorithm(signedBy)
  if (algorithm === null || before.signsBy !== signedBy) return false
  return holds(algorithm, { data: signedBytes, signature, key: before.certificate.key })
}
