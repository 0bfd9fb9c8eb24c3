import type { PlatformSignature } from '@ocelli/app-package'
import type { EapDetails, LicensePlacement, PackageFormat } from '@ocelli/contract'
import type { Generated, JSONColumnType } from 'kysely'
import type { GeneratedTime, Time } from './time.ts'

interface AppTable {
  app_id: string
  account_id: string
  name: string
  short_description: Generated<string>
  description: Generated<string>
  industries: Generated<string[]>
  use_cases: Generated<string[]>
  integration_types: Generated<string[]>
  website: string | null
  video_url: string | null
  image_urls: Generated<string[]>
  trial_days: Generated<number>
  license_placement: JSONColumnType<LicensePlacement> | null
  visibility: Generated<'PRIVATE' | 'LISTED'>
  signer_sha256: string | null
  created_at: GeneratedTime
  updated_at: GeneratedTime
}

interface AppVersionTable {
  app_id: string
  version_code: number
  version: string
  published_at: GeneratedTime
  withdrawn_at: Time | null
}

interface AppPackageTable {
  package_id: Generated<string>
  app_id: string
  version_code: number
  format: PackageFormat
  architectures: Generated<string[]>
  min_platform_level: number | null
  size: number
  sha256: string
  signer_sha256: string | null
  signatures: JSONColumnType<PlatformSignature[]> | null
  eap: JSONColumnType<EapDetails> | null
  os_versions: Generated<JSONColumnType<EapDetails['osVersions']>>
  is_signed: Generated<boolean>
  published_at: GeneratedTime
}

interface MakerKeyTable {
  app_id: string
  key_id: string
  public_key: JSONColumnType<Record<string, unknown>>
  added_by: string
  created_at: GeneratedTime
}

interface BlobTable {
  sha256: string
  size: number
  created_at: GeneratedTime
}

/** Apps with their versions and packages, and the keys that their makers sign grants with. */
export interface StoreTables {
  app: AppTable
  app_version: AppVersionTable
  app_package: AppPackageTable
  maker_key: MakerKeyTable
  blob: BlobTable
}
