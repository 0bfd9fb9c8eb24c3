import { randomUUID } from 'node:crypto'
import type { LicenseType } from '@ocelli/contract'
import { encodeLicenseFile, type LicenseClaims, signLicense } from '@ocelli/license'
import { sql } from 'kysely'
import { brokenConstraint, type Database, type DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { type EventOrigin, emitEvents } from '../../platform/events/emit.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { LicenseKeys } from '../../platform/keys/instance-keys.ts'

export interface LicenseTerms {
  licenseId: string
  accountId: string
  appId: string
  deviceId: string
  licenseType: LicenseType
  orderId: string | null
  /** Seconds since 1970, by the database's clock. */
  issuedAt: number
  /** Seconds since 1970; null: for ever. */
  validUntil: number | null
}

/** The token of design.md section 5. FULL never expires. */
export async function signTerms(keys: LicenseKeys, terms: LicenseTerms): Promise<string> {
  const claims: LicenseClaims = {
    jti: terms.licenseId,
    sub: terms.deviceId,
    app: terms.appId,
    typ: terms.licenseType,
    ord: terms.orderId,
    iat: terms.issuedAt,
    ...(terms.validUntil === null ? {} : { exp: terms.validUntil }),
  }
  return await signLicense({ key: keys.signing, claims })
}

interface LockedLicense {
  state: string
  token: string | null
  key_certificate: string | null
  license_type: LicenseType
  order_id: string | null
  now_seconds: number
  until_seconds: number | null
}

/**
 * RESERVED becomes VALID: the token leaves the platform now. Asked again, the same license is given again. A trial is
 * recorded here, once per account, app and device.
 */
export async function issueReserved(
  db: DatabaseTransaction,
  keys: LicenseKeys,
  {
    license,
    origin,
  }: { license: { licenseId: string; accountId: string; appId: string; deviceId: string }; origin: EventOrigin },
): Promise<{ license: string } | { refused: string }> {
  const { rows } = await sql<LockedLicense>`
    SELECT l.state, l.token, l.key_certificate, l.license_type, l.order_id, extract(epoch FROM now())::bigint AS now_seconds,
      CASE l.license_type WHEN 'TRIAL' THEN extract(epoch FROM now() + a.trial_days * interval '1 day')::bigint
        WHEN 'SUBSCRIPTION' THEN extract(epoch FROM o.valid_until)::bigint END AS until_seconds
    FROM license l JOIN app a ON a.app_id = l.app_id LEFT JOIN app_order o ON o.order_id = l.order_id
    WHERE l.license_id = ${license.licenseId} AND l.account_id = ${license.accountId} AND l.app_id = ${license.appId}
      AND l.device_id = ${license.deviceId} FOR UPDATE OF l`.execute(db)
  const row = rows[0]
  if (!row) return { refused: 'There is no such license.' }
  if (row.state === 'VALID' && row.token && row.key_certificate) {
    return { license: encodeLicenseFile({ token: row.token, keyCertificate: row.key_certificate }) }
  }
  if (row.state !== 'RESERVED') return { refused: `The license is ${row.state}.` }
  if (row.license_type === 'TRIAL') {
    const trial = await sql`INSERT INTO trial_issued (account_id, app_id, device_id, license_id)
      VALUES (${license.accountId}, ${license.appId}, ${license.deviceId}, ${license.licenseId}) ON CONFLICT DO NOTHING RETURNING 1`.execute(
      db,
    )
    if (trial.rows.length === 0) return { refused: 'The trial of this app was used on this device before.' }
  }
  const token = await signTerms(keys, {
    ...license,
    licenseType: row.license_type,
    orderId: row.order_id,
    issuedAt: row.now_seconds,
    validUntil: row.until_seconds,
  })
  await sql`UPDATE license SET state = 'VALID', token = ${token}, key_certificate = ${keys.keyCertificate}, issued_at = now(),
    valid_from = now(), valid_until = to_timestamp(${row.until_seconds}) WHERE license_id = ${license.licenseId}`.execute(
    db,
  )
  await emitEvents(db, origin, [
    { type: 'license.issued', ...license, orderId: row.order_id, data: { licenseType: row.license_type } },
  ])
  return { license: encodeLicenseFile({ token, keyCertificate: keys.keyCertificate }) }
}

/** What a gateway gets at its license step: only for the device it drives, in its present assignment, for the wish's license. */
export async function issueLicenseForGateway(
  db: Database,
  keys: LicenseKeys,
  ask: { gatewayId: string; accountId: string; deviceId: string; assignment: number; appId: string; licenseId: string },
): Promise<{ license: string | null; refused: string | null }> {
  return await inTransaction(db, async (transaction) => {
    const { rows } = await sql`
      SELECT 1 FROM installation i JOIN device d ON d.account_id = i.account_id AND d.device_id = i.device_id
      WHERE i.account_id = ${ask.accountId} AND i.device_id = ${ask.deviceId} AND i.app_id = ${ask.appId} AND i.license_id = ${ask.licenseId}
        AND i.presence = 'PRESENT' AND d.gateway_id = ${ask.gatewayId} AND d.assignment = ${ask.assignment}
      FOR SHARE OF i`.execute(transaction)
    if (rows.length === 0) return { license: null, refused: 'This license is no longer wished for on this device.' }
    const { licenseId, accountId, appId, deviceId } = ask
    const answer = await issueReserved(transaction, keys, {
      license: { licenseId, accountId, appId, deviceId },
      origin: { actor: { kind: 'gateway', id: ask.gatewayId }, requestId: null },
    })
    return 'license' in answer ? { license: answer.license, refused: null } : { license: null, refused: answer.refused }
  })
}

/** Reserves one unit of an order for a pair; throws `no-free-license` when the last one has gone, null when the pair holds one. */
export async function reserveUnit(
  db: DatabaseTransaction,
  wanted: { accountId: string; appId: string; deviceId: string; licenseType: LicenseType; orderId: string },
): Promise<string | null> {
  const licenseId = randomUUID()
  await sql`SAVEPOINT reserve`.execute(db)
  try {
    await sql`INSERT INTO license (license_id, account_id, app_id, device_id, license_type, order_id, state)
      VALUES (${licenseId}, ${wanted.accountId}, ${wanted.appId}, ${wanted.deviceId}, ${wanted.licenseType}, ${wanted.orderId}, 'RESERVED')`.execute(
      db,
    )
    return licenseId
  } catch (error) {
    await sql`ROLLBACK TO SAVEPOINT reserve`.execute(db)
    const constraint = brokenConstraint(error)?.constraint
    if (constraint === 'license_held_once') return null
    if (constraint === 'app_order_units' || constraint === 'app_order_used_needs_confirmation') {
      throw new ProblemError(
        'no-free-license',
        `The last free ${wanted.licenseType} license of ${wanted.appId} has just been taken.`,
      )
    }
    throw error
  }
}
