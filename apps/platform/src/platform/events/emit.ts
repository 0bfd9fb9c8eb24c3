import type { EventType } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Caller } from '../auth/caller.ts'
import type { Database } from '../database/database.ts'

export interface NewEvent {
  type: EventType
  accountId: string
  deviceId?: string | null
  appId?: string | null
  licenseId?: string | null
  orderId?: string | null
  /** Projects of the device or app at that time: who may see the event. Left out: those of the device, read here. */
  projectIds?: string[] | null
  data?: Record<string, unknown>
  /** Whose doing it is, where events of several are told together. */
  origin?: EventOrigin
}

export interface EventOrigin {
  actor: { kind: Caller['kind'] | 'platform'; id: string | null }
  requestId: string | null
}

export const byPlatform: EventOrigin = { actor: { kind: 'platform', id: null }, requestId: null }

/** Bounds the text of one statement. */
const rowsPerStatement = 1000

/** Writes events in the caller's transaction, so that a movement and its event stand or fall together. */
export async function emitEvents(db: Database, origin: EventOrigin, events: NewEvent[]): Promise<void> {
  for (let from = 0; from < events.length; from += rowsPerStatement) {
    const rows = events.slice(from, from + rowsPerStatement).map(({ origin: own, ...event }) => {
      const { actor, requestId } = own ?? origin
      return { ...event, data: event.data ?? {}, actorKind: actor.kind, actorId: actor.id, requestId }
    })
    // one text for any number of events, or each connection would keep a statement for every number there was
    await sql`INSERT INTO event (account_id, type, actor_kind, actor_id, device_id, app_id, license_id, order_id, project_ids, request_id, data)
      SELECT "accountId", type, "actorKind", "actorId", "deviceId", "appId", "licenseId", "orderId", coalesce("projectIds",
        (SELECT d.project_ids FROM device d WHERE d.account_id = e."accountId" AND d.device_id = e."deviceId")), "requestId", data
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS e("accountId" uuid, type text, "actorKind" text, "actorId" text,
        "deviceId" text, "appId" text, "licenseId" uuid, "orderId" uuid, "projectIds" uuid[], "requestId" text, data jsonb)`.execute(
      db,
    )
  }
}
