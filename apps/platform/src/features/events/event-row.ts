import type { Event } from '@ocelli/contract'
import { sql } from 'kysely'
import { encodeCursor } from './event-cursor.ts'

export interface EventRow extends Omit<Event, 'actor'> {
  actorKind: Event['actor']['kind']
  actorId: string | null
  xid: string
}

/** Order by `event.xid`: a bare `xid` would be this text. */
export const columns = sql`event_id::text AS "eventId", xid::text AS xid, type, at, actor_kind AS "actorKind", actor_id AS "actorId",
  device_id AS "deviceId", app_id AS "appId", license_id AS "licenseId", order_id AS "orderId", request_id AS "requestId", data`

export function toEvent({ actorKind, actorId, xid, ...event }: EventRow): Event {
  return {
    ...event,
    eventId: encodeCursor({ xid, eventId: event.eventId }),
    actor: { kind: actorKind, id: actorId },
  }
}
