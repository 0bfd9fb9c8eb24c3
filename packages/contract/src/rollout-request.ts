import { type Static, Type } from 'typebox'
import { DayWindow } from './day-window.ts'
import { DeviceQuery } from './device.ts'
import { ErrorCategory, LicenseType } from './installation.ts'
import { AppId, DeviceId, nullable, oneOf, Timestamp, Uuid, VersionName } from './schema.ts'

export const RolloutAction = oneOf(['INSTALL', 'UPDATE', 'UNINSTALL', 'START', 'STOP'])
export type RolloutAction = Static<typeof RolloutAction>

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
