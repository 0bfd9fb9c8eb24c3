import { randomUUID } from 'node:crypto'
import type { Bundle, BundleOutcome, BundlePackage, BundleRequest, BundleSummary } from '@ocelli/contract'
import { type BundleClaims, type BundleLicense, signBundle } from '@ocelli/license'
import { type RawBuilder, sql } from 'kysely'
import { seesProjects } from '../../platform/auth/visibility.ts'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import type { LicenseKeys } from '../../platform/keys/instance-keys.ts'
import { packageAsksForVendorKey } from '../apps/package-asks.ts'
import { type HeldLicense, holdLicenses } from '../licenses/hold-licenses.ts'
import { issueLicenses } from '../licenses/issue-license.ts'
import { showLicensed } from '../licenses/unclaimed-devices.ts'
import { type PlannedPair, planBundle } from './bundle-plan.ts'

const defaultValidDays = 30

/**
 * Makes a bundle: packages and licenses for devices that no gateway reaches, in one signed manifest. Licenses are issued
 * with it, all or none; pairs that hold one use it, so the same call again spends nothing.
 */
export async function createBundle(context: Context, request: BundleRequest, keys: LicenseKeys): Promise<Bundle> {
  return await inTransaction(context.db, async (db) => {
    const inside = { ...context, db }
    const { pairs, packages } = await planBundle(inside, request)
    const fitting = pairs.filter(({ packageId }) => packageId !== null)
    if (fitting.length === 0) {
      throw new ProblemError('incompatible', pairs[0]?.detail ?? 'No package fits any of these devices.')
    }
    await refuseVendorKeys(db, packages)
    const held = await holdLicenses(
      db,
      inside,
      request.apps.map((app) => ({
        ...app,
        deviceIds: fitting.flatMap((pair) => (pair.app === app ? [pair.device.deviceId] : [])),
      })),
    )
    await showLicensed(db, { accountId: context.caller.accountId, devices: fitting.map(({ device }) => device) })
    const licenses = await issueAll(db, inside, { held, keys })
    const { rows } = await sql<{
      issuedAt: number
    }>`SELECT floor(extract(epoch FROM now()))::bigint AS "issuedAt"`.execute(db)
    const issuedAt = Number(rows[0]?.issuedAt)
    const outcomes = outcomesOf(pairs, held)
    const claims: BundleClaims = {
      ...{ jti: randomUUID(), acc: context.caller.accountId, iat: issuedAt },
      exp: issuedAt + (request.validDays ?? defaultValidDays) * 86_400,
      ...{ packages, licenses, installs: outcomes.flatMap(toInstall) },
    }
    return await store(db, inside, { claims, outcomes, packages, keys })
  })
}

/** Bundles carry licenses of ours; a camera that looks for a key of its vendor would have no use for one. */
async function refuseVendorKeys(db: DatabaseTransaction, packages: BundlePackage[]): Promise<void> {
  const packageIds = packages.map(({ packageId }) => packageId)
  const { rows } = await sql<{ app_id: string; version_code: number }>`
    SELECT p.app_id, p.version_code FROM app_package p WHERE p.package_id = ANY(${packageIds}::uuid[]) AND ${packageAsksForVendorKey}
    ORDER BY p.app_id, p.version_code LIMIT 1`.execute(db)
  const [asking] = rows
  if (!asking) return
  const { version } =
    packages.find((one) => one.appId === asking.app_id && one.versionCode === Number(asking.version_code)) ?? {}
  const detail = `Cameras look for a license key of their vendor for ${asking.app_id} ${version}, which bundles do not carry. Leave this app out.`
  throw new ProblemError('state-conflict', detail)
}

async function issueAll(
  db: DatabaseTransaction,
  { caller: { accountId }, origin }: Context,
  { held, keys }: { held: HeldLicense[]; keys: LicenseKeys },
): Promise<BundleLicense[]> {
  const answers = await issueLicenses(db, keys, { accountId, licenses: held, originOf: () => origin })
  return held.map(({ licenseId, appId, deviceId, licenseType }) => {
    const answer = answers.get(licenseId)
    if (!answer || 'refused' in answer) {
      throw new ProblemError('license-conflict', `The license of ${appId} on ${deviceId}: ${answer?.refused}`)
    }
    return { licenseId, appId, deviceId, licenseType, file: answer.license }
  })
}

function outcomesOf(pairs: PlannedPair[], held: HeldLicense[]): BundleOutcome[] {
  const byPair = new Map(held.map((license) => [JSON.stringify([license.appId, license.deviceId]), license]))
  return pairs.map(({ app: { appId }, device: { deviceId }, packageId, detail }) => {
    const license = packageId === null ? undefined : byPair.get(JSON.stringify([appId, deviceId]))
    const outcome = !license ? 'INCOMPATIBLE' : license.isNew ? 'LICENSED' : 'ALREADY_LICENSED'
    return { deviceId, appId, outcome, licenseId: license?.licenseId ?? null, packageId, detail }
  })
}

function toInstall({ deviceId, appId, packageId, licenseId }: BundleOutcome): BundleClaims['installs'] {
  return packageId !== null && licenseId !== null ? [{ deviceId, appId, packageId, licenseId }] : []
}

async function store(
  db: DatabaseTransaction,
  { caller, origin }: Context,
  parts: { claims: BundleClaims; outcomes: BundleOutcome[]; packages: BundlePackage[]; keys: LicenseKeys },
): Promise<Bundle> {
  const { claims, outcomes, packages, keys } = parts
  const { signing, keyCertificate, root } = keys
  const manifest = await signBundle({ key: signing, claims })
  const { jti: bundleId } = claims
  const { rows } = await sql<{ createdAt: string; expiresAt: string }>`
    INSERT INTO bundle (bundle_id, account_id, manifest, key_certificate, root_thumbprint, packages, outcomes, created_by, expires_at)
    VALUES (${bundleId}, ${caller.accountId}, ${manifest}, ${keyCertificate}, ${root.kid}, ${JSON.stringify(packages)}::jsonb,
      ${JSON.stringify(outcomes)}::jsonb, ${caller.id}, to_timestamp(${claims.exp}))
    RETURNING created_at AS "createdAt", expires_at AS "expiresAt"`.execute(db)
  const [row] = rows
  if (!row) throw new Error('An INSERT without conflict gives its row.')
  const licenseIds = claims.licenses.map(({ licenseId }) => licenseId)
  await sql`INSERT INTO bundle_license (bundle_id, license_id) SELECT ${bundleId}::uuid, unnest(${licenseIds}::uuid[])`.execute(
    db,
  )
  const data = { bundleId, licenses: licenseIds.length, expiresAt: row.expiresAt }
  await emitEvents(db, origin, [{ type: 'bundle.created', accountId: caller.accountId, data }])
  return { bundleId, ...row, rootThumbprint: root.kid, manifest, keyCertificate, packages, devices: outcomes }
}

/** A bundle is seen by who sees all of its devices: it holds their licenses. */
const seesBundle = ({ caller }: Context): RawBuilder<unknown> =>
  caller.scope.all
    ? sql`true`
    : sql`NOT EXISTS (SELECT 1 FROM bundle_license bl JOIN license l ON l.license_id = bl.license_id
        JOIN device d ON d.account_id = l.account_id AND d.device_id = l.device_id
        WHERE bl.bundle_id = b.bundle_id AND NOT ${seesProjects(caller, sql.ref('d.project_ids'))})`

/** Bundles of the account, newest first. */
export async function listBundles(context: Context): Promise<BundleSummary[]> {
  const { rows } = await sql<BundleSummary>`
    SELECT b.bundle_id AS "bundleId", b.created_at AS "createdAt", b.expires_at AS "expiresAt", b.root_thumbprint AS "rootThumbprint",
      (SELECT count(*)::int FROM bundle_license bl WHERE bl.bundle_id = b.bundle_id) AS licenses,
      (SELECT count(DISTINCT e.license_id)::int FROM receipt r JOIN receipt_entry e ON e.account_id = r.account_id AND e.receipt_id = r.receipt_id
       WHERE r.account_id = b.account_id AND r.bundle_id = b.bundle_id) AS reported
    FROM bundle b WHERE b.account_id = ${context.caller.accountId} AND ${seesBundle(context)}
    ORDER BY b.created_at DESC, b.bundle_id LIMIT 1000`.execute(context.db)
  return rows
}

export async function readBundle(context: Context, bundleId: string): Promise<Bundle> {
  const { rows } = await sql<Bundle>`
    SELECT b.bundle_id AS "bundleId", b.created_at AS "createdAt", b.expires_at AS "expiresAt", b.root_thumbprint AS "rootThumbprint",
      b.manifest, b.key_certificate AS "keyCertificate", b.packages, b.outcomes AS devices
    FROM bundle b WHERE b.account_id = ${context.caller.accountId} AND b.bundle_id = ${bundleId} AND ${seesBundle(context)}`.execute(
    context.db,
  )
  if (!rows[0]) throw notFound(`The bundle ${bundleId}`)
  return rows[0]
}
