import { randomUUID } from 'node:crypto'
import type { LicensePlacement, LicenseType } from '@ocelli/contract'
import { encodeLicenseFile, type LicenseClaims, signLicenses } from '@ocelli/license'
import { sql } from 'kysely'
import { brokenConstraint, type Database, type DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { byPlatform, type EventOrigin, emitEvents } from '../../platform/events/emit.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { LicenseKeys } from '../../platform/keys/instance-keys.ts'

export interface LicenseTerms {
  licenseId: string
  appId: string
  deviceId: string
  licenseType: LicenseType
  orderId: string | null
  /** Seconds since 1970, by the database's clock. */
  issuedAt: number
  /** Seconds since 1970; null: for ever. */
  validUntil: number | null
}

export interface SignedLicense {
  token: string
  keyCertificate: string
}

/** The tokens of design.md section 5, all by one key, with its certificate. FULL never expires. */
export async function signTerms(keys: LicenseKeys, terms: LicenseTerms[]): Promise<SignedLicense[]> {
  // taken out together: a rotation may come while the first tokens are being signed
  const { signing, keyCertificate } = keys
  const claims = terms.map(
    ({ licenseId, deviceId, appId, licenseType, orderId, issuedAt, validUntil }): LicenseClaims => ({
      ...{ jti: licenseId, sub: deviceId, app: appId, typ: licenseType, ord: orderId, iat: issuedAt },
      ...(validUntil === null ? {} : { exp: validUntil }),
    }),
  )
  return (await signLicenses({ key: signing, claims })).map((token) => ({ token, keyCertificate }))
}

/** The license file: the token, the root's word for its key, and the grant of an order that an app maker has signed. */
export function toLicenseFile({ token, keyCertificate, grant }: SignedLicense & { grant: string | null }): string {
  return encodeLicenseFile({ token, keyCertificate, ...(grant === null ? {} : { grant }) })
}

interface LockedLicense {
  licenseId: string
  appId: string
  deviceId: string
  state: string
  token: string | null
  keyCertificate: string | null
  issuer: 'PLATFORM' | 'VENDOR'
  licenseType: LicenseType
  orderId: string | null
  grant: string | null
  issuedAt: number
  validUntil: number | null
}

/** `isVendors`: a key of the camera's own vendor, which goes where the camera keeps licenses. */
export type IssueAnswer = { license: string; isVendors?: true } | { refused: string }
type Named = { licenseId: string; appId: string; deviceId: string }

/**
 * RESERVED becomes VALID: the tokens leave the platform now. Asked again, the same license is given again. A trial is
 * recorded here, once per account, app and device. Gives an answer for each license, by its id.
 */
export async function issueLicenses(
  db: DatabaseTransaction,
  keys: LicenseKeys,
  {
    accountId,
    licenses,
    originOf,
  }: { accountId: string; licenses: Named[]; originOf: (licenseId: string) => EventOrigin },
): Promise<Map<string, IssueAnswer>> {
  const answers = new Map<string, IssueAnswer>()
  for (const { licenseId } of licenses) answers.set(licenseId, { refused: 'There is no such license.' })
  const locked = await lockLicenses(db, accountId, licenses)
  for (const { licenseId, state, token, keyCertificate, grant, issuer } of locked) {
    if (state === 'VALID' && issuer === 'VENDOR' && token) answers.set(licenseId, { license: token, isVendors: true })
    else if (state === 'VALID' && token && keyCertificate) {
      answers.set(licenseId, { license: toLicenseFile({ token, keyCertificate, grant }) })
    } else if (state === 'RESERVED') answers.set(licenseId, { refused: 'The order of this license has ended.' })
    else answers.set(licenseId, { refused: `The license is ${state}.` })
  }
  const isOver = ({ issuedAt, validUntil }: LockedLicense) => validUntil !== null && validUntil <= issuedAt
  const reserved = locked.filter((license) => license.state === 'RESERVED' && !isOver(license))
  const usedTrials = await recordTrials(db, accountId, reserved)
  for (const licenseId of usedTrials) {
    answers.set(licenseId, { refused: 'The trial of this app was used on this device before.' })
  }
  const issued = reserved.filter(({ licenseId }) => !usedTrials.has(licenseId))
  if (issued.length === 0) return answers
  const signed = await signTerms(keys, issued)
  const rows = issued.map((license, index) => ({ ...license, ...signed[index] }))
  await sql`UPDATE license l SET state = 'VALID', token = r.token, key_certificate = r."keyCertificate", issued_at = now(),
      valid_from = now(), valid_until = to_timestamp(r."validUntil")
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      AS r("licenseId" uuid, token text, "keyCertificate" text, "validUntil" bigint)
    -- named twice, so that it stays a look into the index for each: a record set counts as a hundred rows
    WHERE l.license_id = r."licenseId" AND l.license_id = ANY(${issued.map(({ licenseId }) => licenseId)}::uuid[])`.execute(
    db,
  )
  await emitEvents(
    db,
    byPlatform,
    issued.map(({ licenseId, appId, deviceId, orderId, licenseType }) => ({
      ...{ type: 'license.issued', accountId, licenseId, appId, deviceId, orderId, data: { licenseType } },
      origin: originOf(licenseId),
    })),
  )
  for (const [index, { licenseId, grant }] of issued.entries()) {
    const own = signed[index]
    if (own) answers.set(licenseId, { license: toLicenseFile({ ...own, grant }) })
  }
  return answers
}

async function lockLicenses(db: DatabaseTransaction, accountId: string, licenses: Named[]): Promise<LockedLicense[]> {
  const { rows } = await sql<LockedLicense>`
    SELECT l.license_id AS "licenseId", l.app_id AS "appId", l.device_id AS "deviceId", l.state, l.token,
      l.key_certificate AS "keyCertificate", l.issuer, l.license_type AS "licenseType", l.order_id AS "orderId", g.statement AS "grant",
      floor(extract(epoch FROM now()))::bigint AS "issuedAt",
      CASE l.license_type WHEN 'TRIAL' THEN floor(extract(epoch FROM now() + a.trial_days * interval '1 day'))::bigint
        WHEN 'SUBSCRIPTION' THEN floor(extract(epoch FROM o.valid_until))::bigint END AS "validUntil"
    FROM unnest(${licenses.map(({ licenseId }) => licenseId)}::uuid[], ${licenses.map(({ appId }) => appId)}::text[],
      ${licenses.map(({ deviceId }) => deviceId)}::text[]) AS n("licenseId", "appId", "deviceId")
    JOIN license l ON l.license_id = n."licenseId" AND l.app_id = n."appId" AND l.device_id = n."deviceId"
    JOIN app a ON a.app_id = l.app_id
    LEFT JOIN app_order o ON o.order_id = l.order_id
    LEFT JOIN order_grant g ON g.grant_id = o.grant_id
    WHERE l.account_id = ${accountId} AND l.license_id = ANY(${licenses.map(({ licenseId }) => licenseId)}::uuid[])
    ORDER BY l.license_id FOR UPDATE OF l`.execute(db)
  return rows
}

/** Records the trials among these; gives back the ids of those that the device had before. */
async function recordTrials(
  db: DatabaseTransaction,
  accountId: string,
  reserved: LockedLicense[],
): Promise<Set<string>> {
  const trials = reserved.filter(({ licenseType }) => licenseType === 'TRIAL')
  if (trials.length === 0) return new Set()
  const { rows } = await sql<{ license_id: string }>`
    INSERT INTO trial_issued (account_id, app_id, device_id, license_id)
    SELECT ${accountId}::uuid, "appId", "deviceId", "licenseId"
    FROM jsonb_to_recordset(${JSON.stringify(trials)}::jsonb) AS t("appId" text, "deviceId" text, "licenseId" uuid)
    ON CONFLICT DO NOTHING RETURNING license_id`.execute(db)
  const recorded = new Set(rows.map((row) => row.license_id))
  return new Set(trials.flatMap(({ licenseId }) => (recorded.has(licenseId) ? [] : [licenseId])))
}

/** Issues one license: see `issueLicenses`. */
export async function issueReserved(
  db: DatabaseTransaction,
  keys: LicenseKeys,
  { license, origin }: { license: Named & { accountId: string }; origin: EventOrigin },
): Promise<IssueAnswer> {
  const { accountId, ...named } = license
  const answers = await issueLicenses(db, keys, { accountId, licenses: [named], originOf: () => origin })
  return answers.get(license.licenseId) ?? { refused: 'There is no such license.' }
}

export interface GatewayAsk {
  gatewayId: string
  accountId: string
  deviceId: string
  assignment: number
  appId: string
  licenseId: string
}
export interface GatewayLicense {
  license: string | null
  refused: string | null
  placement?: LicensePlacement | null
}

/**
 * What gateways get at their license steps: only for the devices they drive, in the present assignment, for the wish's
 * license. Many asks by one transaction; an answer for each, in their order.
 */
export async function issueLicensesForGateways(
  db: Database,
  keys: LicenseKeys,
  asks: GatewayAsk[],
): Promise<GatewayLicense[]> {
  return await inTransaction(db, async (transaction) => {
    const { rows } = await sql<{ n: number; placement: LicensePlacement | null }>`
      SELECT k.n::int AS n, a.license_placement AS placement
      FROM unnest(${asks.map((ask) => ask.accountId)}::uuid[], ${asks.map((ask) => ask.deviceId)}::text[],
        ${asks.map((ask) => ask.appId)}::text[], ${asks.map((ask) => ask.licenseId)}::uuid[], ${asks.map((ask) => ask.gatewayId)}::uuid[],
        ${asks.map((ask) => ask.assignment)}::int[]) WITH ORDINALITY AS k(account_id, device_id, app_id, license_id, gateway_id, assignment, n)
      JOIN installation i ON i.account_id = k.account_id AND i.device_id = k.device_id AND i.app_id = k.app_id
      JOIN app a ON a.app_id = i.app_id
      JOIN device d ON d.account_id = i.account_id AND d.device_id = i.device_id
      WHERE i.license_id = k.license_id AND i.presence = 'PRESENT' AND d.gateway_id = k.gateway_id AND d.assignment = k.assignment
      ORDER BY i.account_id, i.device_id, i.app_id FOR SHARE OF i`.execute(transaction)
    const wished = new Map(rows.map(({ n, placement }) => [n - 1, placement]))
    const own = asks.filter((_, at) => wished.has(at))
    const origins = new Map(
      asks.map(({ gatewayId }) => [gatewayId, { actor: { kind: 'gateway' as const, id: gatewayId }, requestId: null }]),
    )
    const gateways = new Map(own.map(({ licenseId, gatewayId }) => [licenseId, gatewayId]))
    const answers = new Map<string, IssueAnswer>()
    for (const [accountId, licenses] of Map.groupBy(own, (ask) => ask.accountId)) {
      const originOf = (licenseId: string) => origins.get(gateways.get(licenseId) ?? '') ?? byPlatform
      for (const [id, answer] of await issueLicenses(transaction, keys, { accountId, licenses, originOf })) {
        answers.set(id, answer)
      }
    }
    return asks.map(({ licenseId }, at): GatewayLicense => {
      const answer = wished.has(at) ? answers.get(licenseId) : undefined
      if (!answer) return { license: null, refused: 'This license is no longer wished for on this device.' }
      if ('refused' in answer) return { license: null, refused: answer.refused }
      const placement = wished.get(at) ?? null
      const isCameras = placement?.kind === 'CAMERA'
      return { license: answer.license, refused: null, placement: answer.isVendors && !isCameras ? null : placement }
    })
  })
}

/** The same for one ask. */
export async function issueLicenseForGateway(
  db: Database,
  keys: LicenseKeys,
  ask: GatewayAsk,
): Promise<GatewayLicense> {
  const [answer] = await issueLicensesForGateways(db, keys, [ask])
  return answer ?? { license: null, refused: 'There is no such license.' }
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
    if (isUnitMissing(error)) {
      throw new ProblemError(
        'no-free-license',
        `The last free ${wanted.licenseType} license of ${wanted.appId} has just been taken.`,
      )
    }
    throw error
  }
}

/** The statement took a unit that is not there: none is free, or the order is no longer confirmed. */
export function isUnitMissing(error: unknown): boolean {
  return ['app_order_units', 'app_order_used_needs_confirmation'].includes(brokenConstraint(error)?.constraint ?? '')
}
