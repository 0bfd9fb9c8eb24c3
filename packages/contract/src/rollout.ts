import { type Static, Type } from 'typebox'
import { InstallationError, LicenseType } from './installation.ts'
import { RolloutAction, RolloutFilter, RolloutSchedule, RolloutStrategy } from './rollout-request.ts'
import { AppId, DeviceId, nullable, oneOf, Timestamp, Uuid } from './schema.ts'

export const rolloutStates = ['AWAITING_APPROVAL', 'SCHEDULED', 'RUNNING', 'PAUSED', 'ABORTED', 'COMPLETED'] as const
/**
 * Which becomes which, and by whom: docs/rollouts-states.md. ABORTED and PAUSED begin nothing; what is under way comes to its
 * end.
 */
export const RolloutState = oneOf(rolloutStates)
export type RolloutState = Static<typeof RolloutState>

export const rolloutDeviceStates = [
  'PENDING',
  'OFFLINE',
  'IN_FLIGHT',
  'SUCCEEDED',
  'ALREADY_DONE',
  'FAILED',
  'REJECTED',
  'TIMED_OUT',
  'SKIPPED',
  'CANCELLED',
] as const
/** PENDING, OFFLINE and IN_FLIGHT are open; the others are ends, of which a retry opens some: docs/rollouts-states.md. */
export const RolloutDeviceState = oneOf(rolloutDeviceStates)
export type RolloutDeviceState = Static<typeof RolloutDeviceState>

const Count = Type.Integer({ minimum: 0 })

/** Always add up to `total`. */
export const RolloutCounters = Type.Object(
  {
    total: Count,
    pending: Count,
    offline: Count,
    inFlight: Count,
    succeeded: Count,
    alreadyDone: Count,
    failed: Count,
    rejected: Count,
    timedOut: Count,
    skipped: Count,
    cancelled: Count,
  },
  { $id: 'RolloutCounters' },
)
export type RolloutCounters = Static<typeof RolloutCounters>

const Actor = Type.Object({ kind: Type.String(), id: nullable(Type.String()) })

export const Rollout = Type.Object(
  {
    rolloutId: Uuid,
    name: Type.String(),
    action: RolloutAction,
    appId: AppId,
    version: nullable(Type.String()),
    licenseType: nullable(LicenseType),
    orderId: nullable(Uuid),
    state: RolloutState,
    reason: nullable(Type.Object({ code: Type.String(), detail: Type.String() })),
    devices: Type.Object({ filter: nullable(RolloutFilter), keepOpen: Type.Boolean() }),
    strategy: RolloutStrategy,
    schedule: RolloutSchedule,
    whenOffline: oneOf(['QUEUE', 'SKIP', 'FAIL']),
    requireApproval: Type.Boolean(),
    counters: RolloutCounters,
    wave: Type.Integer({ description: 'The wave at work, from 1.' }),
    waves: Type.Array(
      Type.Object({
        wave: Type.Integer(),
        counters: RolloutCounters,
        startedAt: nullable(Timestamp),
        endedAt: nullable(Timestamp),
      }),
    ),
    createdBy: Actor,
    approvedBy: nullable(Actor),
    rollbackOf: nullable(Uuid),
    rolledBackBy: nullable(Uuid),
    createdAt: Timestamp,
    startedAt: nullable(Timestamp),
    endedAt: nullable(Timestamp),
    updatedAt: Timestamp,
  },
  { $id: 'Rollout' },
)
export type Rollout = Static<typeof Rollout>

export const RolloutQuery = Type.Object(
  {
    state: Type.Optional(RolloutState),
    appId: Type.Optional(AppId),
    size: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
    cursor: Type.Optional(Type.String({ maxLength: 200 })),
  },
  { additionalProperties: false },
)
export type RolloutQuery = Static<typeof RolloutQuery>
export const RolloutPage = Type.Object({ items: Type.Array(Rollout), nextCursor: nullable(Type.String()) })
export type RolloutPage = Static<typeof RolloutPage>

export const RolloutDevice = Type.Object(
  {
    deviceId: DeviceId,
    siteId: nullable(Uuid),
    wave: Type.Integer(),
    state: RolloutDeviceState,
    fromVersion: nullable(Type.String({ description: 'Of an update: what the device had when it was taken up.' })),
    toVersion: nullable(Type.String()),
    attempts: Type.Integer(),
    reason: nullable(Type.String({ description: 'A kebab-case code.' })),
    detail: nullable(Type.String()),
    error: nullable(InstallationError),
    nextAttemptAt: nullable(Timestamp),
    startedAt: nullable(Timestamp),
    endedAt: nullable(Timestamp),
    updatedAt: Timestamp,
  },
  { $id: 'RolloutDevice' },
)
export type RolloutDevice = Static<typeof RolloutDevice>

export const RolloutDeviceQuery = Type.Object(
  {
    state: Type.Optional(RolloutDeviceState),
    size: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    cursor: Type.Optional(Type.String({ maxLength: 2000 })),
  },
  { additionalProperties: false },
)
export type RolloutDeviceQuery = Static<typeof RolloutDeviceQuery>
export const RolloutDevicePage = Type.Object({ items: Type.Array(RolloutDevice), nextCursor: nullable(Type.String()) })
export type RolloutDevicePage = Static<typeof RolloutDevicePage>

/** One device of a rollout with what happened to it, oldest first. */
export const RolloutDeviceDetail = Type.Object(
  {
    ...RolloutDevice.properties,
    history: Type.Array(
      Type.Object({ at: Timestamp, type: Type.String(), data: Type.Record(Type.String(), Type.Unknown()) }),
    ),
  },
  { $id: 'RolloutDeviceDetail' },
)
export type RolloutDeviceDetail = Static<typeof RolloutDeviceDetail>
