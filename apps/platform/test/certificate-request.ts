import { createPublicKey, type KeyObject, sign } from 'node:crypto'

/**
 * A PKCS #10 request as gateways write it: an empty subject, no attributes. `signer` other than the key makes it a
 * forgery.
 */
export function certificateRequest(key: KeyObject, signer: KeyObject = key): string {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const information = der(0x30, der(0x02, Buffer.from([0])), der(0x30), spki, der(0xa0))
  const signature = sign('sha256', information, { key: signer, dsaEncoding: 'der' })
  const ecdsaWithSha256 = Buffer.from('300a06082a8648ce3d040302', 'hex')
  const request = der(0x30, information, ecdsaWithSha256, der(0x03, Buffer.from([0]), signature))
  const lines = request.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE REQUEST-----', ...lines, '-----END CERTIFICATE REQUEST-----', ''].join('\n')
}

function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
