import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'
import type { TlsIdentity } from '../http/listener.ts'
import { bits, implicit, integer, isTrue, objectId, octets, sequence, setOf, tagged, text, utcTime } from './der.ts'

export interface SelfSignedOptions {
  commonName: string
  /** Addresses and names that the certificate is good for. */
  hosts: readonly string[]
}

const ecdsaWithSha256 = sequence(objectId('1.2.840.10045.4.3.2'))

/** A P-256 key and a certificate of its own (RFC 5280), valid from 1970, where camera clocks start, to 2049. */
export function createSelfSigned({ commonName, hosts }: SelfSignedOptions): TlsIdentity {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = signCertificate({ commonName, hosts, privateKey, publicKey })
  const base64 = certificate.toString('base64').replace(/.{64}/g, '$&\n')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate: `-----BEGIN CERTIFICATE-----\n${base64.trimEnd()}\n-----END CERTIFICATE-----\n`,
  }
}

function signCertificate(options: SelfSignedOptions & { privateKey: KeyObject; publicKey: KeyObject }): Buffer {
  const name = sequence(setOf(sequence(objectId('2.5.4.3'), text(options.commonName))))
  const body = sequence(
    tagged(0, integer(2)),
    integer(0x40, ...randomBytes(15)),
    ecdsaWithSha256,
    name,
    sequence(utcTime('700101000000Z'), utcTime('491231235959Z')),
    name,
    options.publicKey.export({ type: 'spki', format: 'der' }),
    tagged(3, sequence(writeBasicConstraints(), writeAlternativeNames(options.hosts))),
  )
  return sequence(body, ecdsaWithSha256, bits(sign('sha256', body, options.privateKey)))
}

/** A client that pins the certificate takes it for its own authority. */
function writeBasicConstraints(): Buffer {
  return sequence(objectId('2.5.29.19'), isTrue, octets(sequence(isTrue)))
}

function writeAlternativeNames(hosts: readonly string[]): Buffer {
  const names = hosts.map((host) =>
    isIPv4(host) ? implicit(7, Buffer.from(host.split('.').map(Number))) : implicit(2, Buffer.from(host, 'latin1')),
  )
  return sequence(objectId('2.5.29.17'), octets(sequence(...names)))
}
