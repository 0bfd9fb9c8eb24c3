import type { JSONColumnType } from 'kysely'
import type { GeneratedTime, Time } from './time.ts'

interface SigningKeyTable {
  key_id: string
  account_id: string
  user_id: string | null
  client_id: string | null
  name: string
  public_key: JSONColumnType<Record<string, unknown>>
  created_at: GeneratedTime
  revoked_at: Time | null
}

interface BundleTable {
  bundle_id: string
  account_id: string
  manifest: string
  key_certificate: string
  root_thumbprint: string
  packages: JSONColumnType<Record<string, unknown>[]>
  outcomes: JSONColumnType<Record<string, unknown>[]>
  created_by: string
  created_at: GeneratedTime
  expires_at: Time
}

interface BundleLicenseTable {
  bundle_id: string
  license_id: string
}

interface ReceiptTable {
  receipt_id: string
  account_id: string
  key_id: string
  bundle_id: string | null
  signed_at: Time
  received_at: GeneratedTime
  reported_by: string
  statement: string
}

interface ReceiptEntryTable {
  account_id: string
  nonce: string
  receipt_id: string
  license_id: string
  device_id: string
  app_id: string
  result: 'INSTALLED' | 'REMOVED' | 'FAILED'
  version: string | null
  detail: string | null
  at: Time
  counted_at: GeneratedTime
}

/** What is carried to cameras without a network, and what is told of it afterwards. */
export interface OfflineTables {
  signing_key: SigningKeyTable
  bundle: BundleTable
  bundle_license: BundleLicenseTable
  receipt: ReceiptTable
  receipt_entry: ReceiptEntryTable
}
