import type { EapSignature } from '../app-package.ts'
import type { ByteSource } from '../byte-source.ts'
import { PackageError } from '../package-error.ts'
import { readOpenPgpSignature } from './open-pgp.ts'

// The footer of a signed .eap, as its signed files show it: length of the signature, version, magic number.
const footerSize = 16
const magic = Buffer.from('658d14ab4207aac6', 'hex')
const footerVersion = 1
const maxSignatureSize = 64 * 1024

/** The trailer that signing appends; null when there is none, and the whole file is the archive. */
export async function readEapSignature(source: ByteSource): Promise<EapSignature | null> {
  if (source.size < footerSize) return null
  const footer = await source.read(source.size - footerSize, footerSize)
  if (!footer.subarray(8).equals(magic)) return null
  const length = footer.readUInt32BE(0)
  const version = footer.readUInt32BE(4)
  if (version !== footerVersion) throw invalid(`its footer has version ${version}, and only 1 is known`)
  const signedBytes = source.size - footerSize - length
  if (length === 0 || length > maxSignatureSize || signedBytes <= 0) {
    throw invalid(`its footer speaks of ${length} bytes of signature in a file of ${source.size}`)
  }
  const { createdAt, keyId } = readOpenPgpSignature(await source.read(signedBytes, length))
  return { createdAt, keyId, signedBytes }
}

function invalid(what: string): PackageError {
  return new PackageError('signature-invalid', `The signature of the package cannot be read: ${what}.`)
}
