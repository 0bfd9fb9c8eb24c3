import { type Static, Type } from 'typebox'
import { nullable, Timestamp } from './schema.ts'

/** Those of this version. An event's own `type` is any text, since a newer platform tells more. */
export const eventTypes = [
  'account.created',
  'account.suspended',
  'account.resumed',
  'account.changed',
  'user.invited',
  'user.joined',
  'user.changed',
  'user.removed',
  'invitation.revoked',
  'technical-user.created',
  'technical-user.changed',
  'technical-user.removed',
  'token.created',
  'token.revoked',
  'project.created',
  'project.changed',
  'project.removed',
  'site.created',
  'site.changed',
  'site.removed',
  'gateway.enrollment-token-created',
  'gateway.enrolled',
  'gateway.renewed',
  'gateway.revoked',
  'gateway.connected',
  'gateway.disconnected',
  'device.claimed',
  'device.changed',
  'device.unclaimed',
  'device.moved',
  'device.transfer-offered',
  'device.transferred',
  'device.connectivity-changed',
  'device.replacement-found',
  'device.claims-requested',
  'device.claim-failed',
  'device.credentials-requested',
  'device.credentials-changed',
  'device.credentials-failed',
  'device.password-requested',
  'device.password-changed',
  'device.password-failed',
  'device.password-unknown',
  'app.published',
  'app.changed',
  'app.version-published',
  'app.version-withdrawn',
  'maker-key.added',
  'maker-key.removed',
  'license-key.rotated',
  'signing-key.added',
  'signing-key.removed',
  'bundle.created',
  'receipt.received',
  'device.declared-lost',
  'order.placed',
  'order.confirmed',
  'order.changed',
  'order.cancelled',
  'order.ended',
  'license.reserved',
  'license.issued',
  'license.released',
  'license.expiring',
  'license.expired',
  'license.renewed',
  'license.transferred',
  'license.conflict',
  'installation.reinstalled',
  'installation.requested',
  'installation.state-changed',
  'installation.running-state-changed',
  'installation.failed',
  'installation.drift',
  'rollout.created',
  'rollout.state-changed',
  'rollout.wave-started',
  'rollout.devices-joined',
  'rollout.closed',
  'rollout.device-changed',
  'installation.reported',
] as const
export type EventType = (typeof eventTypes)[number]

export const Event = Type.Object(
  {
    eventId: Type.String(),
    type: Type.String({ examples: [...eventTypes] }),
    at: Timestamp,
    actor: Type.Object({
      kind: Type.Unsafe<'user' | 'technical-user' | 'gateway' | 'platform'>({
        type: 'string',
        enum: ['user', 'technical-user', 'gateway', 'platform'],
      }),
      id: nullable(Type.String()),
    }),
    deviceId: nullable(Type.String()),
    appId: nullable(Type.String()),
    licenseId: nullable(Type.String()),
    orderId: nullable(Type.String()),
    requestId: nullable(Type.String()),
    data: Type.Record(Type.String(), Type.Unknown()),
  },
  { $id: 'Event' },
)
export type Event = Static<typeof Event>

const eventFilter = {
  type: Type.Optional(Type.String({ maxLength: 100 })),
  deviceId: Type.Optional(Type.String({ maxLength: 255 })),
  appId: Type.Optional(Type.String({ maxLength: 255 })),
  licenseId: Type.Optional(Type.String({ format: 'uuid' })),
}

export const EventQuery = Type.Object(
  {
    ...eventFilter,
    from: Type.Optional(Timestamp),
    to: Type.Optional(Timestamp),
    cursor: Type.Optional(Type.String({ maxLength: 100 })),
    size: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  },
  { additionalProperties: false },
)
export type EventQuery = Static<typeof EventQuery>

export const EventStreamQuery = Type.Object(eventFilter, { additionalProperties: false })
export type EventStreamQuery = Static<typeof EventStreamQuery>

/**
 * `nextCursor` reads on, also later. With `hasMore` at once: a filter that seldom fits is looked for in a part of the log at a time, and
 * a page may then hold fewer events than asked for, or none.
 */
export const EventPage = Type.Object({
  items: Type.Array(Event),
  nextCursor: nullable(Type.String()),
  hasMore: Type.Boolean(),
})
export type EventPage = Static<typeof EventPage>
