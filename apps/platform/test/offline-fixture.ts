import { randomBytes, randomUUID } from 'node:crypto'
import {
  type BundleClaims,
  type GrantClaims,
  generateLicenseKey,
  type PrivateLicenseKey,
  type ReceiptClaims,
  type ReceiptEntry,
  signGrant,
  signReceipt,
  toPublicKey,
} from '@ocelli/license'
import { bundleRoutes } from '../src/features/bundles/bundle-routes.ts'
import { grantRoutes } from '../src/features/grants/grant-routes.ts'
import { lostDeviceRoutes } from '../src/features/lost-devices/lost-device-routes.ts'
import { makerKeyRoutes } from '../src/features/maker-keys/maker-key-routes.ts'
import { receiptRoutes } from '../src/features/receipts/receipt-routes.ts'
import { signingKeyRoutes } from '../src/features/signing-keys/signing-key-routes.ts'
import type { AnyRoute } from '../src/platform/http/route.ts'
import type { LicenseKeys } from '../src/platform/keys/instance-keys.ts'
import type { Customer } from './ledger-fixture.ts'
import type { TestAccount } from './test-platform.ts'

/** Everything by which licenses live without a network. */
export const offlineRoutes = (keys: LicenseKeys): AnyRoute[] => [
  ...makerKeyRoutes(),
  ...grantRoutes({ keys, nowMs: Date.now }),
  ...signingKeyRoutes(),
  ...bundleRoutes({ keys }),
  ...receiptRoutes({ nowMs: Date.now }),
  ...lostDeviceRoutes({ wake: () => {} }),
]

export const nowSeconds = () => Math.floor(Date.now() / 1000)
export const newNonce = () => randomBytes(16).toString('base64url')

/** A grant as an app maker signs it, and the key whose public half belongs on the platform. */
export async function createMaker() {
  const { privateKey, publicKey } = await generateLicenseKey()
  return {
    publicKey,
    grant: (claims: Omit<GrantClaims, 'jti' | 'iat'> & Partial<GrantClaims>) =>
      signGrant({ key: privateKey, claims: { jti: randomUUID(), iat: nowSeconds() - 60, ...claims } }),
  }
}

/** An installer's laptop with a key that is enrolled to the given caller. */
export async function createLaptop(customer: Customer, by: TestAccount = customer.account) {
  const { privateKey } = await generateLicenseKey()
  const enroll = () =>
    customer.call('POST', '/account/v1/signing-keys', { publicKey: toPublicKey(privateKey), name: 'laptop' }, by)
  await enroll()
  return { ...laptopWith(privateKey), enroll, keyId: privateKey.kid }
}

export function laptopWith(key: PrivateLicenseKey) {
  return {
    sign: (entries: ReceiptEntry[], claims: Partial<ReceiptClaims> = {}) =>
      signReceipt({ key, claims: { jti: randomUUID(), bundle: null, iat: nowSeconds(), entries, ...claims } }),
  }
}

/** One entry of a receipt about a license. */
export function entryOf(
  license: { licenseId: string; deviceId: string; appId: string },
  result: ReceiptEntry['result'],
  more: Partial<ReceiptEntry> = {},
): ReceiptEntry {
  const { licenseId, deviceId, appId } = license
  return {
    ...{ licenseId, deviceId, appId, result, version: '1.0.2', detail: null },
    ...{ at: nowSeconds(), nonce: newNonce(), ...more },
  }
}

/** What a bundle's manifest says, unverified. */
export function claimsOf(manifest: string): BundleClaims {
  return JSON.parse(Buffer.from(manifest.split('.')[1] ?? '', 'base64url').toString('utf8'))
}

/** Makes a bundle with one license for each of so many new devices. */
export async function bundleFor(customer: Customer, count: number, validDays = 30) {
  const devices = Array.from({ length: count }, (_, index) => ({ deviceId: `cam-${index}` }))
  const apps = [{ appId: customer.appId, licenseType: 'FULL' }]
  const { body } = await customer.call('POST', '/license/v1/bundles', { apps, devices, validDays })
  return { bundleId: String(body.bundleId), licenses: body.devices }
}

/** Licenses that the audit shows as given back while their app is on the device. */
export async function conflictsOf(customer: Customer): Promise<string[]> {
  const { body } = await customer.call('GET', '/license/v1/audit')
  return body.findings.flatMap(({ code, licenseId }: { code: string; licenseId: string }) =>
    code === 'license-conflict' ? [licenseId] : [],
  )
}
