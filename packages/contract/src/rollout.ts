import { type Static, Type } from 'typebox'
import { DayWindow } from './day-window.ts'
import { DeviceQuery } from './device.ts'
import { ErrorCategory, InstallationError, LicenseType } from './installation.ts'
import { AppId, DeviceId, nullable, oneOf, Timestamp, Uuid, VersionName } from './schema.ts'

export const RolloutAction = oneOf(['INSTALL', 'UPDATE', 'UNINSTALL', 'START', 'STOP'])
export type RolloutAction = Static<typeof RolloutAction>

export const rolloutStates = ['AWAITING_APPROVAL', 'SCHEDULED', 'RUNNING', 'PAUSED', 'ABORTED', 'COMPLETED'] as const
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
export const RolloutDeviceState = oneOf(rolloutDeviceStates)
export type RolloutDeviceState = Static<typeof RolloutDeviceState>

/** How many devices a list may name; more are selected by a filter. */
export const maxListedDevices = 50_000
export const maxWaves = 20

const { page: _page, size: _size, cursor: _cursor, count: _count, ...filters } = DeviceQuery.properties

/** The filters of the device list, without its paging. */
export const RolloutFilter = Type.Object(filters, { additionalProperties: false })
export type RolloutFilter = Static<typeof RolloutFilter>

const maybe = <Schema extends Parameters<typeof nullable>[0]>(schema: Schema) => Type.Optional(nullable(schema))
const Percent = Type.Number({ exclusiveMinimum: 0, maximum: 100 })

export const RolloutWave = Type.Object(
  {
    percent: maybe({
      ...Percent,
      description: 'Of all selected devices, reached by the end of this wave: waves rise and the last is 100.',
    }),
    count: maybe(
      Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Devices reached by the end of this wave.' }),
    ),
    minSuccessPercent: maybe(
      Type.Number({
        minimum: 0,
        maximum: 100,
        description: 'Share of success this wave needs before the next begins; 100 when left out.',
      }),
    ),
    waitMinutes: maybe(Type.Number({ minimum: 0, maximum: 43_200, description: 'Between this wave and the next.' })),
  },
  { additionalProperties: false },
)
export type RolloutWave = Static<typeof RolloutWave>

export const RolloutRate = Type.Object(
  {
    maximumPerMinute: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
    exponential: maybe(
      Type.Object(
        {
          baseRatePerMinute: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
          incrementFactor: Type.Number({ minimum: 1.1, maximum: 5 }),
          everySucceeded: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
)
export type RolloutRate = Static<typeof RolloutRate>

export const RolloutAbortRule = Type.Object(
  {
    on: oneOf(['FAILED', 'REJECTED', 'TIMED_OUT', 'ALL'], { description: 'ALL: the three together' }),
    percent: maybe({ ...Percent, description: 'Of the devices that have ended.' }),
    count: maybe(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    minDevices: maybe(
      Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Ended devices before a percent counts; 1' }),
    ),
  },
  { additionalProperties: false },
)
export type RolloutAbortRule = Static<typeof RolloutAbortRule>

const Attempts = Type.Integer({ minimum: 1, maximum: 10 })
const BackoffSeconds = Type.Integer({ minimum: 0, maximum: 86_400 })

export const RolloutStrategy = Type.Object(
  {
    waves: maybe(Type.Array(RolloutWave, { minItems: 1, maxItems: maxWaves })),
    rate: maybe(RolloutRate),
    maxInFlight: maybe(Type.Integer({ minimum: 1, maximum: 100_000 })),
    maxInFlightPerSite: maybe(Type.Integer({ minimum: 1, maximum: 1000 })),
    attempts: maybe(Attempts),
    retryOn: maybe(Type.Array(ErrorCategory, { uniqueItems: true, maxItems: 8 })),
    backoffSeconds: maybe({ ...BackoffSeconds, description: 'Before the second attempt; doubles, up to an hour.' }),
    retries: maybe(
      Type.Array(
        Type.Object(
          { on: ErrorCategory, attempts: Type.Optional(Attempts), backoffSeconds: Type.Optional(BackoffSeconds) },
          { additionalProperties: false },
        ),
        { maxItems: 8, description: 'Other attempts and backoff for one category of error.' },
      ),
    ),
    stepTimeoutSeconds: maybe(Type.Integer({ minimum: 30, maximum: 86_400 })),
    deviceTimeoutSeconds: maybe(Type.Integer({ minimum: 60, maximum: 604_800 })),
    abort: maybe(Type.Array(RolloutAbortRule, { maxItems: 10 })),
    rollback: maybe(
      oneOf(['NONE', 'PREVIOUS_VERSION'], {
        description: 'PREVIOUS_VERSION: an abort rule that holds sets back what this update has changed.',
      }),
    ),
    acceptDataLoss: maybe(Type.Boolean({ description: "Devices that lose the app's data are set back all the same." })),
    acceptWithoutRollback: maybe(Type.Boolean({ description: 'Devices that cannot be set back stay as they are.' })),
  },
  { additionalProperties: false },
)
export type RolloutStrategy = Static<typeof RolloutStrategy>

export const RolloutSchedule = Type.Object(
  { startAt: maybe(Timestamp), deadlineAt: maybe(Timestamp), window: maybe(DayWindow) },
  { additionalProperties: false },
)
export type RolloutSchedule = Static<typeof RolloutSchedule>

export const RolloutRequest = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    action: RolloutAction,
    appId: AppId,
    version: maybe(VersionName),
    licenseType: maybe(LicenseType),
    orderId: maybe(Uuid),
    devices: Type.Object(
      {
        deviceIds: maybe(
          Type.Array(DeviceId, { maxItems: maxListedDevices, description: 'In the order of their waves.' }),
        ),
        filter: maybe(RolloutFilter),
        keepOpen: maybe(Type.Boolean({ description: 'Devices that match later join.' })),
      },
      { additionalProperties: false },
    ),
    strategy: maybe(RolloutStrategy),
    schedule: maybe(RolloutSchedule),
    whenOffline: maybe(oneOf(['QUEUE', 'SKIP', 'FAIL'])),
    requireApproval: maybe(Type.Boolean()),
    dryRun: maybe(Type.Boolean({ description: 'Answers what would happen (200, Preflight) and changes nothing.' })),
  },
  { additionalProperties: false },
)
export type RolloutRequest = Static<typeof RolloutRequest>

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
