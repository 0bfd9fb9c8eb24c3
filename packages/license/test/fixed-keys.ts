import type { LicenseClaims, PrivateLicenseKey } from '../src/index.ts'

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
