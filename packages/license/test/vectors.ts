import { encodeBase64url } from '../src/base64url.ts'
import {
  certifyKey,
  encodeLicenseFile,
  type GrantClaims,
  type LicenseClaims,
  type PrivateLicenseKey,
  signGrant,
  signLicense,
  toPublicKey,
} from '../src/index.ts'
import * as fixed from './fixed-keys.ts'
import { forge } from './forge.ts'

type KeyName = 'maker' | 'root' | 'signer' | 'stranger'

/** One license file and what a verifier must say of it. `trust` and `makers` name members of `keys`. */
export interface VectorCase {
  name: string
  trust: KeyName[]
  makers: KeyName[]
  deviceId: string
  appId: string
  nowSeconds: number | null
  file: string
  expected: { valid: true; clock: 'ok' | 'clock-unreliable' } | { valid: false; reason: string }
}

export interface Vectors {
  about: string
  keys: Record<KeyName, PrivateLicenseKey>
  layout: Record<'header' | 'payload' | 'signatureHex', string>
  cases: VectorCase[]
}

const { appId, deviceId, full, fullGrant, issuedAt, maker, root, signer, stranger, subscription, termGrant } = fixed
const day = 86_400
const month: LicenseClaims = { ...subscription, exp: issuedAt + 30 * day }
const umlaut = 'Kamera Süd 7 📷'
const licenseHeader = { alg: 'EdDSA', typ: 'ocelli-license+jwt', kid: signer.kid }

/** Ed25519 signatures are deterministic (RFC 8032): the same claims give the same texts for ever. */
export async function makeVectors(): Promise<Vectors> {
  const certificate = await certifyKey({ root, subject: signer, issuedAt })
  const oldCertificate = await forge(
    { alg: 'EdDSA', typ: 'ocelli-key+jwt', kid: root.kid },
    { sub: signer.kid, jwk: toPublicKey(signer), iat: issuedAt },
    root,
  )
  const file = async (claims: LicenseClaims, granted: GrantClaims | null, keyCertificate = certificate) => {
    const grant = granted === null ? null : await signGrant({ key: maker, claims: granted })
    return encodeLicenseFile({ token: await signLicense({ key: signer, claims }), keyCertificate, grant })
  }
  const good = await file(full, fullGrant)
  const [token = ''] = good.split('~')
  const [head = '', body = '', signature = ''] = token.split('.')
  const edited = encodeBase64url(new TextEncoder().encode(JSON.stringify({ ...full, sub: 'ACCC8E000001' })))
  const given = { trust: [], makers: ['maker' as const], deviceId, appId, nowSeconds: issuedAt + 60 }
  const pinned = { ...given, trust: ['root' as const], makers: [] }
  const valid = { valid: true, clock: 'ok' } as const
  const refused = (reason: string) => ({ valid: false, reason }) as const
  const contradiction = await forge(licenseHeader, { ...full, exp: issuedAt + day }, signer)

  return {
    about: 'Ed25519 keys of RFC 8037 and RFC 8032: their private halves are known to everybody. Never trust them.',
    keys: { maker, root, signer, stranger },
    layout: {
      header: JSON.stringify(licenseHeader),
      payload: JSON.stringify(full),
      signatureHex: Buffer.from(signature, 'base64url').toString('hex'),
    },
    cases: [
      { name: 'full, by the key of the maker', ...given, file: good, expected: valid },
      { name: 'full, by a pinned root', ...pinned, file: good, expected: valid },
      { name: 'bare token, by the signing key', ...pinned, trust: ['signer'], file: token, expected: valid },
      { name: 'line end and byte order mark', ...given, file: `\uFEFF${good}\r\n`, expected: valid },
      {
        name: 'device id beyond ASCII',
        ...given,
        deviceId: umlaut,
        file: await file({ ...full, sub: umlaut }, fullGrant),
        expected: valid,
      },
      { name: 'subscription', ...given, file: await file(month, termGrant), expected: valid },
      {
        name: 'subscription without a clock',
        ...given,
        nowSeconds: null,
        file: await file(month, termGrant),
        expected: { valid: true, clock: 'clock-unreliable' },
      },
      {
        name: 'full with a clock in 1970',
        ...given,
        nowSeconds: 0,
        file: good,
        expected: { valid: true, clock: 'clock-unreliable' },
      },
      {
        name: 'subscription at its end',
        ...given,
        nowSeconds: issuedAt + 30 * day,
        file: await file(month, termGrant),
        expected: refused('expired'),
      },
      { name: 'other device', ...given, deviceId: 'ACCC8E000001', file: good, expected: refused('other-device') },
      { name: 'other app', ...given, appId: 'com.example.other', file: good, expected: refused('other-app') },
      { name: 'other maker', ...given, makers: ['stranger'], file: good, expected: refused('unknown-key') },
      { name: 'other root', ...pinned, trust: ['stranger'], file: good, expected: refused('unknown-key') },
      { name: 'root as maker', ...given, makers: ['root'], file: good, expected: refused('unknown-key') },
      { name: 'bare token, by a root', ...pinned, file: token, expected: refused('unknown-key') },
      {
        name: 'edited',
        ...given,
        file: good.replace(body, edited),
        deviceId: 'ACCC8E000001',
        expected: refused('damaged'),
      },
      {
        // The last of 86 characters carries two bits of the signature, and four that must be zero.
        name: 'another spelling of the signature',
        ...given,
        file: good.replace(`${head}.${body}.${signature}`, `${head}.${body}.${nextSpelling(signature)}`),
        expected: refused('damaged'),
      },
      { name: 'full with an end', ...pinned, file: `${contradiction}~${certificate}`, expected: refused('damaged') },
      { name: 'cut short', ...given, file: good.slice(0, -40), expected: refused('damaged') },
      { name: 'no grant', ...given, file: await file(full, null), expected: refused('no-grant') },
      {
        name: 'grant for another app',
        ...given,
        file: await file(full, { ...fullGrant, app: 'com.example.other' }),
        expected: refused('grant-other-app'),
      },
      {
        name: 'grant for another license type',
        ...given,
        file: await file(full, termGrant),
        expected: refused('grant-other-type'),
      },
      {
        name: 'grant for another platform',
        ...given,
        file: await file(full, { ...fullGrant, root: stranger.kid }),
        expected: refused('grant-other-platform'),
      },
      {
        name: 'longer than granted',
        ...given,
        file: await file({ ...month, exp: issuedAt + 31 * day + 1 }, termGrant),
        expected: refused('grant-exceeded'),
      },
      {
        name: 'certificate without the root, by a pinned root',
        ...pinned,
        file: await file(full, fullGrant, oldCertificate),
        expected: valid,
      },
      {
        name: 'certificate without the root, by the key of the maker',
        ...given,
        file: await file(full, fullGrant, oldCertificate),
        expected: refused('unknown-key'),
      },
    ],
  }
}

function nextSpelling(signature: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return signature.slice(0, -1) + alphabet[alphabet.indexOf(signature.slice(-1)) + 1]
}
