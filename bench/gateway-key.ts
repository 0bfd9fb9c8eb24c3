import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'

export interface GatewayKey {
  publicJwk: object
  privatePem: string
  /** PKCS #10, PEM, without a name: the platform gives the name. */
  certificateRequest(): string
  /** The form that gets an access token for the gateway of this key (RFC 7523). */
  assertionForm(gatewayId: string): Record<string, string>
}

/** A P-256 key as gateways have one. */
export function createGatewayKey(): GatewayKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    publicJwk: publicKey.export({ format: 'jwk' }),
    privatePem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    certificateRequest() {
      // RFC 2986, 4: version 0, empty subject, the key, no attributes
      const info = der(
        0x30,
        Buffer.from([0x02, 1, 0, 0x30, 0]),
        publicKey.export({ format: 'der', type: 'spki' }),
        Buffer.from([0xa0, 0]),
      )
      const signature = der(0x03, Buffer.from([0]), sign('sha256', info, privateKey))
      const text = der(0x30, info, ecdsaWithSha256, signature).toString('base64')
      const lines = text.match(/.{1,64}/g) ?? []
      return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join('\n')}\n-----END CERTIFICATE REQUEST-----\n`
    },
    assertionForm(gatewayId) {
      const nowSeconds = Math.floor(Date.now() / 1000)
      const claims = { iss: gatewayId, sub: gatewayId, aud: 'urn:ocelli:platform', jti: randomUUID() }
      const content = `${base64({ alg: 'ES256' })}.${base64({ ...claims, iat: nowSeconds, exp: nowSeconds + 240 })}`
      const signature = sign('sha256', Buffer.from(content), { key: privateKey, dsaEncoding: 'ieee-p1363' })
      return {
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: `${content}.${signature.toString('base64url')}`,
      }
    },
  }
}

/** RFC 5758, 3.2: OID 1.2.840.10045.4.3.2 */
const ecdsaWithSha256 = Buffer.from('300a06082a8648ce3d040302', 'hex')

const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** One DER value of up to 65,535 bytes. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
