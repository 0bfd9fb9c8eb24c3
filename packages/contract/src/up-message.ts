import { type Static, Type } from 'typebox'
import { CameraLoginError, SealingJwk } from './camera-login.ts'
import { Cameras, Count, SmallCount } from './channel-count.ts'
import { ConnectivityReason, DeviceFacts, FoundCamera } from './device.ts'
import { AppConfiguration, InstallationError, LicenseCheckedBy, RunningState, Step } from './installation.ts'
import { AppId, DeviceId, nullable, oneOf, Timestamp, Uuid } from './schema.ts'

/** What a gateway works on, as it says itself when it connects. */
export const Hello = Type.Object({
  kind: Type.Literal('hello'),
  connectionId: Type.String({ minLength: 1, maxLength: 100 }),
  version: Type.String({ maxLength: 50 }),
  devices: Type.Array(Type.Object({ deviceId: DeviceId, assignment: SmallCount, revision: Count }), {
    maxItems: 20_000,
  }),
  /** To which passwords of cameras are sealed; older gateways have none. */
  sealingKey: Type.Optional(SealingJwk),
  /** Its heartbeats say which shares it keeps to; older gateways do not, and their word is not waited for. */
  confirmsShares: Type.Optional(Type.Boolean()),
  /** It can set new passwords on cameras; gateways that do not know the word cannot. */
  setsPasswords: Type.Optional(Type.Boolean()),
})
export type Hello = Static<typeof Hello>

/** What a gateway does in a site under the share of that number. */
export const ShareInUse = Type.Object({
  siteId: Uuid,
  number: Count,
  /** Cameras at work. From then on no more than this or the share, whichever is greater. */
  inFlight: Cameras,
  /** Cameras that have work and wait for a place. */
  waiting: Cameras,
})
export type ShareInUse = Static<typeof ShareInUse>

export const Heartbeat = Type.Object({
  kind: Type.Literal('heartbeat'),
  connectionId: Type.String({ maxLength: 100 }),
  session: Count,
  shares: Type.Optional(Type.Array(ShareInUse, { maxItems: 1000 })),
})

/** Last will, and said on a clean stop. One of another connection than the present is ignored. */
export const Gone = Type.Object({
  kind: Type.Literal('gone'),
  connectionId: Type.String({ maxLength: 100 }),
  /** A clean stop: nothing is under way at any camera any more. */
  isAtRest: Type.Optional(Type.Boolean()),
})

/**
 * How far the gateway is with one revision of an installation.
 * WAITING: accepted, not admitted yet (uses up no deadline). WORKING: a step runs. CONVERGED and FAILED: settled.
 */
export const Work = Type.Object({
  revision: Count,
  phase: oneOf(['WAITING', 'WORKING', 'CONVERGED', 'FAILED']),
  step: nullable(Step),
  percent: nullable(Type.Integer({ minimum: 0, maximum: 100 })),
  stepSecondsLeft: nullable(SmallCount),
  error: nullable(InstallationError),
  /** Said with the end of a revision for which the app was removed and installed anew. */
  configuration: Type.Optional(nullable(AppConfiguration)),
})
export type Work = Static<typeof Work>

export const AppReport = Type.Object({
  appId: AppId,
  name: nullable(Type.String({ maxLength: 300 })),
  present: Type.Boolean(),
  version: nullable(Type.String({ maxLength: 255 })),
  runningState: RunningState,
  licenseCheckedBy: Type.Optional(nullable(LicenseCheckedBy)),
  work: nullable(Work),
})
export type AppReport = Static<typeof AppReport>

/**
 * The whole state of one device. Ordered by (session, seq): only greater pairs are applied.
 * `apps` holds every app on the camera and every app with a desired entry; null when the list could not be read this time,
 * then `work` (by appId) still says how far each desired entry is.
 */
export const DeviceReport = Type.Object({
  deviceId: DeviceId,
  assignment: SmallCount,
  seq: Count,
  revision: Count,
  connectivity: Type.Object({
    state: oneOf(['ONLINE', 'OFFLINE']),
    reason: nullable(ConnectivityReason),
    detail: nullable(Type.String({ maxLength: 1000 })),
    lastAnswerSecondsAgo: nullable(SmallCount),
    clockOffsetSeconds: nullable(Type.Integer()),
    certificateExpiresAt: nullable(Timestamp),
    /** Another camera that answers at the address; older gateways do not say it. */
    replacement: Type.Optional(nullable(FoundCamera)),
  }),
  address: nullable(Type.String({ maxLength: 2000 })),
  facts: nullable(DeviceFacts),
  apps: nullable(Type.Array(AppReport, { maxItems: 1000 })),
  work: Type.Array(Type.Object({ appId: AppId, ...Work.properties }), { maxItems: 1000 }),
})
export type DeviceReport = Static<typeof DeviceReport>

export const Report = Type.Object({
  kind: Type.Literal('report'),
  session: Count,
  reports: Type.Array(DeviceReport, { minItems: 1, maxItems: 500 }),
})
export type Report = Static<typeof Report>

/** Asked at the license step only: it turns RESERVED into VALID. Repeating it gets the same license again. */
export const LicenseAsk = Type.Object({
  kind: Type.Literal('license-ask'),
  session: Count,
  deviceId: DeviceId,
  assignment: SmallCount,
  appId: AppId,
  licenseId: Uuid,
})
export type LicenseAsk = Static<typeof LicenseAsk>

/**
 * What came of logins that the platform sent. The platform sends a login again until it has its result, so this needs no
 * acknowledgement: lost, it is said again when asked; doubled or late, it changes nothing.
 */
export const CameraResults = Type.Object({
  kind: Type.Literal('camera-results'),
  session: Count,
  results: Type.Array(
    Type.Object({
      loginId: Uuid,
      deviceId: nullable(DeviceId),
      error: nullable(CameraLoginError),
      /** Of a new password: whether it counts is not known yet, and `error` says why. Told again when it is. */
      isUnknown: Type.Optional(Type.Boolean()),
    }),
    { minItems: 1, maxItems: 500 },
  ),
})
export type CameraResults = Static<typeof CameraResults>

export const UpMessage = Type.Union([Hello, Heartbeat, Gone, Report, LicenseAsk, CameraResults])
export type UpMessage = Static<typeof UpMessage>
