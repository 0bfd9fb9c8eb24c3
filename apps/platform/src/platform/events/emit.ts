import type { EventType } from '@ocelli/contract'
import type { Caller } from '../auth/caller.ts'
import type { Database } from '../database/database.ts'

export interface NewEvent {
  type: EventType
  accountId: string
  deviceId?: string | null
  appId?: string | null
  licenseId?: string | null
  orderId?: string | null
  /** Projects of the device or app at that time: who may see the event. */
  projectIds?: string[] | null
  data?: Record<string, unknown>
}

export interface EventOrigin {
  actor: { kind: Caller['kind'] | 'platform'; id: string | null }
  requestId: string | null
}

export const byPlatform: EventOrigin = { actor: { kind: 'platform', id: null }, requestId: null }

/** A statement takes 65,535 parameters at most, and a row here has 11. */
const rowsPerStatement = 1000

/** Writes events in the caller's transaction, so that a movement and its event stand or fall together. */
export async function emitEvents(db: Database, origin: EventOrigin, events: NewEvent[]): Promise<void> {
  if (events.length > rowsPerStatement) {
    await emitEvents(db, origin, events.slice(0, rowsPerStatement))
    return await emitEvents(db, origin, events.slice(rowsPerStatement))
  }
  if (events.length === 0) return
  await db
    .insertInto('event')
    .values(
      events.map((event) => ({
        account_id: event.accountId,
        type: event.type,
        actor_kind: origin.actor.kind,
        actor_id: origin.actor.id,
        device_id: event.deviceId ?? null,
        app_id: event.appId ?? null,
        license_id: event.licenseId ?? null,
        order_id: event.orderId ?? null,
        project_ids: event.projectIds ?? null,
        request_id: origin.requestId,
        data: JSON.stringify(event.data ?? {}),
      })),
    )
    .execute()
}
