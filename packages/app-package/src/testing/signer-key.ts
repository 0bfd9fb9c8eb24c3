import { createHash, createPublicKey, generateKeyPair, type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { der } from './der.ts'

/** A key with its self-signed certificate in DER. `buildApk({ ...signer, appId })` signs with it. */
export interface ApkSigner {
  key: KeyObject
  certificate: Buffer
}

export type SignerKeyType = 'ec' | 'rsa' | 'dsa'

const generate = promisify(generateKeyPair)
const signatureOids = { ec: '1.2.840.10045.4.3.2', rsa: '1.2.840.113549.1.1.11', dsa: '2.16.840.1.101.3.4.3.2' }

/**
 * Makes a key (P-256, RSA 2048 or DSA 1024; P-256 by default, which takes no time) and a certificate of it for
 * `CN=name` (nobody with null), valid from 2020 to 2049. No two calls give the same.
 */
export async function generateSigner(options: { type?: SignerKeyType; name?: string | null } = {}): Promise<ApkSigner> {
  const { type = 'ec', name = 'Ocelli test signer' } = options
  const key = await generateKey(type)
  return { key, certificate: selfSign(key, type, name) }
}

async function generateKey(type: SignerKeyType): Promise<KeyObject> {
  switch (type) {
    case 'ec':
      return (await generate('ec', { namedCurve: 'P-256' })).privateKey
    case 'rsa':
      return (await generate('rsa', { modulusLength: 2048 })).privateKey
    case 'dsa':
      return (await generate('dsa', { modulusLength: 1024, divisorLength: 160 })).privateKey
  }
}

/** RFC 5280 section 4.1, version 3 without extensions; the serial number comes from the key, so nothing is random. */
function selfSign(key: KeyObject, type: SignerKeyType, commonName: string | null): Buffer {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const serial = createHash('sha256').update(publicKey).digest().subarray(0, 16)
  serial.writeUInt8((serial.readUInt8(0) & 0x7f) | 0x40, 0)
  const algorithm = der.sequence(der.oid(signatureOids[type]), ...(type === 'rsa' ? [der.null()] : []))
  const names = commonName === null ? [] : [der.set(der.sequence(der.oid('2.5.4.3'), der.utf8(commonName)))]
  const name = der.sequence(...names)
  const validity = der.sequence(der.utcTime('200101000000Z'), der.utcTime('491231235959Z'))
  const version = der.explicit(0, der.integer(Buffer.of(2)))
  const toSign = der.sequence(version, der.integer(serial), algorithm, name, validity, name, publicKey)
  return der.sequence(toSign, algorithm, der.bitString(sign('sha256', toSign, key)))
}
