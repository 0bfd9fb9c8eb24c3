import type { BundleClaims, GrantClaims, LicenseClaims, PrivateLicenseKey, ReceiptClaims } from '../src/index.ts'

/** RFC 8037 appendix A.1, thumbprint from A.3. */
export const root: PrivateLicenseKey = {
  kty: 'OKP',
  crv: 'Ed25519',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
}

/** RFC 8032 section 7.1, test 2. */
export const signer: PrivateLicenseKey = {
  kty: 'OKP',
  crv: 'Ed25519',
  x: 'PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw',
  kid: 'FtIu-VbGrfe_KB6CH7GNwODB72MNxj_ml11dEvO-7kk',
  d: 'TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs',
}

/** RFC 8032 section 7.1, test 3. */
export const stranger: PrivateLicenseKey = {
  kty: 'OKP',
  crv: 'Ed25519',
  x: '_FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU',
  kid: 'FVV5umTuau890q59V-4Ga_R6qWb7ON_ivJc4EjvCwTM',
  d: 'xaqN9D-fg3vtt0QvMdy3sWbThTUHbwlLhc46LgtEWPc',
}

export const deviceId = 'ACCC8E123456'
export const appId = 'com.example.counter'
export const issuedAt = 1_750_000_000
export const full: LicenseClaims = {
  jti: '0198b7a2-0000-7000-8000-000000000001',
  sub: deviceId,
  app: appId,
  typ: 'FULL',
  ord: null,
  iat: issuedAt,
}
export const subscription: LicenseClaims = { ...full, typ: 'SUBSCRIPTION', ord: 'order-1', exp: issuedAt + 3600 }

export function at(seconds: number): Date {
  return new Date(seconds * 1000)
}

/** RFC 8032 section 7.1, test 1024: the app maker. */
export const maker: PrivateLicenseKey = {
  kty: 'OKP',
  crv: 'Ed25519',
  x: 'J4EX_BRMcjQPZ9DyMW6Dhs7_vyskKMnFH-98WX8dQm4',
  kid: 'lZI1vM7tnlYapaF5-cy86ptx0tT_8Av721hhiNB5ti4',
  d: '9eV2fPFTMZUXYw8iaHa4bIFgzFg7wBN0TGvyVfXMDuU',
}

export const fullGrant: GrantClaims = {
  jti: '0198b7a2-0000-7000-8000-00000000000a',
  app: appId,
  typ: 'FULL',
  qty: 50,
  ord: 'PO 2025-117',
  iat: issuedAt - 600,
  exp: issuedAt + 86_400,
  root: root.kid,
}
export const termGrant: GrantClaims = { ...fullGrant, typ: 'SUBSCRIPTION', term: 30 }

/** A bundle of as many devices; the license files only have the form of one. */
export function bundleOf(deviceIds: readonly string[], file = 'aa.bb.cc~dd.ee.ff'): BundleClaims {
  const id = (kind: number, index: number) => `0198b7a2-0000-7000-800${kind}-${index.toString(16).padStart(12, '0')}`
  const packageId = id(1, 0)
  return {
    jti: id(2, 0),
    acc: id(3, 0),
    iat: issuedAt,
    exp: issuedAt + 86_400,
    packages: [
      {
        packageId,
        appId,
        version: '1.4.0',
        versionCode: 14,
        format: 'apk',
        architectures: [],
        minPlatformLevel: 24,
        size: 1_048_576,
        sha256: '0f'.repeat(32),
      },
    ],
    licenses: deviceIds.map((device, index) => ({
      licenseId: id(4, index),
      appId,
      deviceId: device,
      licenseType: 'FULL',
      file,
    })),
    installs: deviceIds.map((device, index) => ({ deviceId: device, appId, packageId, licenseId: id(4, index) })),
  }
}

export const receipt: ReceiptClaims = {
  jti: '0198b7a2-0000-7000-8000-00000000000c',
  bundle: '0198b7a2-0000-7000-8002-000000000000',
  iat: issuedAt + 7200,
  entries: [
    {
      licenseId: full.jti,
      deviceId,
      appId,
      result: 'INSTALLED',
      version: '1.4.0',
      detail: null,
      at: issuedAt + 3600,
      nonce: 'AAECAwQFBgcICQoLDA0ODw',
    },
  ],
}
