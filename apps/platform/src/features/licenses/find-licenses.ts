import type { LicensePage, LicenseQuery } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import { seesApp } from '../../platform/auth/visibility.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { isStorable } from '../../platform/http/storable-text.ts'
import { readLicenses, seesDeviceOf } from './license-service.ts'

/** Of what the caller sees, by device, app and license: the order of the index `license_pair`, so that every page costs the same. */
export async function findLicenses(context: Context, query: LicenseQuery): Promise<LicensePage> {
  const { caller } = context
  const { size = 200, cursor } = query
  const after = cursor === undefined ? sql`true` : behind(readCursor(cursor))
  const items = await readLicenses(
    context.db,
    sql`l.account_id = ${caller.accountId} AND ${after} AND ${matches(query)}
      AND ${seesDeviceOf(context)} AND ${seesApp(caller, sql.ref('l.app_id'))}`,
    sql`l.device_id, l.app_id, l.license_id LIMIT ${size}`,
  )
  const last = items.length === size ? items.at(-1) : undefined
  return { items, nextCursor: last ? makeCursor([last.deviceId, last.appId, last.licenseId]) : null }
}

function matches(query: LicenseQuery): RawBuilder<unknown> {
  const { appId, deviceId, orderId, licenseType, issuer, state = 'HELD', endsBefore } = query
  const conditions = [
    ...(appId === undefined ? [] : [sql`l.app_id = ${appId}`]),
    ...(deviceId === undefined ? [] : [sql`l.device_id = ${deviceId}`]),
    ...(orderId === undefined ? [] : [sql`l.order_id = ${orderId}`]),
    ...(licenseType === undefined ? [] : [sql`l.license_type = ${licenseType}`]),
    ...(issuer === undefined ? [] : [sql`l.issuer = ${issuer}`]),
    ...(endsBefore === undefined ? [] : [sql`l.valid_until < ${endsBefore}`]),
    ...(state === 'ALL' ? [] : [state === 'HELD' ? sql`l.state IN ('RESERVED', 'VALID')` : sql`l.state = ${state}`]),
  ]
  return sql.join([sql`true`, ...conditions], sql` AND `)
}

type Place = [deviceId: string, appId: string, licenseId: string]

const behind = ([deviceId, appId, licenseId]: Place): RawBuilder<unknown> =>
  sql`(l.device_id, l.app_id, l.license_id) > (${deviceId}, ${appId}, ${licenseId}::uuid)`

const makeCursor = (place: Place): string => Buffer.from(JSON.stringify(place)).toString('base64url')

function readCursor(cursor: string): Place {
  const [deviceId, appId, licenseId] = toArray(Buffer.from(cursor, 'base64url').toString())
  const isUuid = typeof licenseId === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(licenseId)
  const isText = (value: unknown): value is string => typeof value === 'string' && isStorable(value)
  if (isText(deviceId) && isText(appId) && isUuid) return [deviceId, appId, licenseId]
  throw new ProblemError('invalid-request', 'This cursor is not valid here. Start again without it.', {
    errors: [{ pointer: '/cursor', code: 'invalid', detail: 'is not a cursor of this list' }],
  })
}

function toArray(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : []
  } catch {
    // told by who asks, like JSON that is no array
    return []
  }
}
