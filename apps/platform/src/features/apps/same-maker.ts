import {
  type AppPackage,
  type EapPackage,
  findRefusingLevel,
  type PackageSigner,
  type PlatformSignature,
} from '@ocelli/app-package'
import { sql } from 'kysely'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { ProblemError } from '../../platform/http/problem.ts'

/** The certificate by which an app is known; null for an .eap, which its camera's vendor signs. */
export const signerOf = (content: AppPackage) => (content.format === 'apk' ? content.signer.certificateSha256 : null)

/**
 * Refuses a package that cameras would not take as an update of any one published before: of another certificate without a proof
 * of rotation, or of another vendor id. Withdrawn versions count too, since cameras may run them. The app's row must be locked.
 */
export async function assertSameMaker(db: DatabaseTransaction, content: AppPackage): Promise<void> {
  if (content.format === 'apk') await assertSuccession(db, content)
  else await assertSameVendor(db, content)
}

interface PublishedPackage {
  version: string
  signer_sha256: string
  /** Null for packages from before this was kept. */
  signatures: PlatformSignature[] | null
}

async function assertSuccession(
  db: DatabaseTransaction,
  content: { appId: string; minPlatformLevel: number; signer: PackageSigner },
): Promise<void> {
  const { appId, minPlatformLevel, signer } = content
  const { rows } = await sql<PublishedPackage>`SELECT v.version, p.signer_sha256, p.signatures
    FROM app_package p JOIN app_version v ON v.app_id = p.app_id AND v.version_code = p.version_code
    WHERE p.app_id = ${appId} AND p.signer_sha256 IS NOT NULL ORDER BY p.version_code DESC`.execute(db)
  for (const published of rows) {
    const { signatures = null, signer_sha256: certificate, version } = published
    const level = findRefusingLevel(signatures ?? onePlatform(certificate), {
      ...{ signatures: signer.signatures, minPlatformLevel },
    })
    if (level === null) continue
    throw otherSigner(
      `Cameras of Android API level ${level} would refuse this package over version ${version}: it is signed by the certificate ${signer.certificateSha256}, that version by ${certificate}. Sign it with the key of the versions before, or with the whole lineage of the app's keys (apksigner --lineage).`,
    )
  }
}

const onePlatform = (certificateSha256: string): PlatformSignature[] => [
  { scheme: 'v2', minLevel: 0, maxLevel: null, certificateSha256, lineage: [] },
]

async function assertSameVendor(db: DatabaseTransaction, { appId, vendorId }: EapPackage): Promise<void> {
  if (vendorId === null) return
  const { rows } = await sql<{ vendor_id: string }>`SELECT p.eap->>'vendorId' AS vendor_id FROM app_package p
    WHERE p.app_id = ${appId} AND p.eap->>'vendorId' IS NOT NULL LIMIT 1`.execute(db)
  const [known] = rows
  if (known === undefined || known.vendor_id === vendorId) return
  throw otherSigner(
    `The app ${appId} is of the vendor ${known.vendor_id}, this package of ${vendorId}. Cameras refuse such an update: put the vendorId of the versions before into its manifest.json.`,
  )
}

const otherSigner = (detail: string) => new ProblemError('package-other-signer', detail)
