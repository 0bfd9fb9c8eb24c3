import { type Static, Type } from 'typebox'
import { CameraLoginError, SealedLogin, SealingJwk } from './camera-login.ts'
import { ConnectivityReason, DeviceFacts, FoundCamera } from './device.ts'
import {
  AppConfiguration,
  DesiredRunningState,
  InstallationError,
  LicenseCheckedBy,
  LicenseType,
  RunningState,
  Step,
} from './installation.ts'
import { LicensePlacement } from './license.ts'
import { PackageFormat } from './names.ts'
import { AppId, DeviceId, nullable, oneOf, Sha256, Timestamp, Uuid } from './schema.ts'

/**
 * The device channel: MQTT 3.1.1, QoS 1, JSON. A gateway publishes to its `up` topic and subscribes to its `down` topic,
 * and reaches no other. Messages may be lost, doubled and reordered; unknown fields are ignored.
 */
export const channelRoot = 'ocelli/v1/gateways'
export const upTopic = (gatewayId: string) => `${channelRoot}/${gatewayId}/up`
export const downTopic = (gatewayId: string) => `${channelRoot}/${gatewayId}/down`

// Bounded, because one statement writes what many gateways say: a number that no column holds would make it fail for all.
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const SmallCount = Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 })
const Cameras = Type.Integer({ minimum: 0, maximum: 1_000_000 })

/** What a gateway works on, as it says itself when it connects. */
export const Hello = Type.Object({
  kind: Type.Literal('hello'),
  connectionId: Type.String({ minLength: 1, maxLength: 100 }),
  version: Type.String({ maxLength: 50 }),
  devices: Type.Array(Type.Object({ deviceId: DeviceId, assignment: SmallCount, revision: Count }), {
    maxItems: 20_000,
  }),
  /** To which passwords of cameras are sealed; gateways before 0.2 have none. */
  sealingKey: Type.Optional(SealingJwk),
  /** Its heartbeats say which shares it keeps to; gateways before 0.2 do not, and their word is not waited for. */
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
  version: nullable(Type.String({ maxLength: 100 })),
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
    /** Another camera that answers at the address; gateways before 0.2 do not say it. */
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

export const DesiredApp = Type.Object({
  appId: AppId,
  revision: Count,
  presence: oneOf(['PRESENT', 'ABSENT']),
  package: nullable(
    Type.Object({
      packageId: Uuid,
      format: PackageFormat,
      version: Type.String(),
      versionCode: Type.Integer(),
      size: Count,
      sha256: Sha256,
    }),
  ),
  running: nullable(DesiredRunningState),
  license: nullable(
    Type.Object({
      licenseId: Uuid,
      licenseType: LicenseType,
      renewal: Type.Optional(
        Type.Integer({
          minimum: 0,
          description: 'Tokens that followed the first; the license is placed again when it grows.',
        }),
      ),
    }),
  ),
  allowDowngrade: Type.Boolean(),
  settled: Type.Boolean({ description: 'The platform knows this revision as settled: do nothing for it.' }),
})
export type DesiredApp = Static<typeof DesiredApp>

/** Whole desired state of one device. Only apps named here are ever touched; removal needs an ABSENT entry. */
export const DesiredDevice = Type.Object({
  deviceId: DeviceId,
  assignment: SmallCount,
  revision: Count,
  siteId: Uuid,
  apps: Type.Array(DesiredApp, { maxItems: 1000 }),
})
export type DesiredDevice = Static<typeof DesiredDevice>

/** What this gateway may do in a site right now: its share of the site's budget. */
export const SiteShare = Type.Object({
  siteId: Uuid,
  /** Grows with every change. A share with a number that is not greater than the last one of the session is old. */
  number: Type.Optional(Count),
  /** Cameras at work at the same time. 0 only for gateways that confirm shares: others have all of a small budget now. */
  maxInFlight: Count,
  /** Of packages; null or left out: as fast as it goes. */
  downloadBytesPerSecond: Type.Optional(nullable(Type.Integer({ minimum: 1 }))),
  /** Of packages on their way to cameras, all together; null or left out: as fast as it goes. */
  uploadBytesPerSecond: Type.Optional(nullable(Type.Integer({ minimum: 1 }))),
  /** Other gateways have shares too: the platform wants to hear soon when cameras wait for a place. */
  isShared: Type.Optional(Type.Boolean()),
  repair: oneOf(['request', 'auto']),
  /** Where cameras that do not answer are looked for; platforms before 0.2 do not say it. */
  addressRanges: Type.Optional(Type.Array(Type.String({ maxLength: 100 }))),
})
export type SiteShare = Static<typeof SiteShare>

/** Answer to a hello. The gateway starts no new step on a device that is not in `assignments` with its own number. */
export const Welcome = Type.Object({
  kind: Type.Literal('welcome'),
  connectionId: Type.String(),
  session: Count,
  heartbeatSeconds: Type.Integer({ minimum: 1 }),
  assignments: Type.Array(Type.Object({ deviceId: DeviceId, assignment: SmallCount, revision: Count })),
  sites: Type.Array(SiteShare),
})
export type Welcome = Static<typeof Welcome>

export const Desired = Type.Object({
  kind: Type.Literal('desired'),
  session: Count,
  devices: Type.Array(DesiredDevice, { minItems: 1 }),
})
export type Desired = Static<typeof Desired>

/** Budgets change by the hour and by hand: what holds from now on for these sites. */
export const Budgets = Type.Object({
  kind: Type.Literal('budgets'),
  session: Count,
  sites: Type.Array(SiteShare, { minItems: 1 }),
})
export type Budgets = Static<typeof Budgets>

/** Devices that are no longer this gateway's: it finishes the running step and forgets them. */
export const Unassigned = Type.Object({
  kind: Type.Literal('unassigned'),
  session: Count,
  deviceIds: Type.Array(DeviceId),
})

/** Sent after COMMIT: reports up to `seq` need not be sent again. */
export const Ack = Type.Object({
  kind: Type.Literal('ack'),
  session: Count,
  acks: Type.Array(Type.Object({ deviceId: DeviceId, seq: Count })),
})

export const LicenseAnswer = Type.Object({
  kind: Type.Literal('license'),
  session: Count,
  deviceId: DeviceId,
  appId: AppId,
  licenseId: Uuid,
  license: nullable(Type.String({ description: 'The license file: token~keyCertificate[~grant]' })),
  refused: nullable(Type.String({ description: 'A sentence: why there is none.' })),
  placement: Type.Optional(nullable(LicensePlacement)),
})
export type LicenseAnswer = Static<typeof LicenseAnswer>

/** Say hello again: the session is not the present one (the platform restarted, or a newer connection took over). */
export const HelloAgain = Type.Object({ kind: Type.Literal('hello-again'), session: Count })

/** Cameras to claim, cameras whose stored login is to be changed, and new passwords to be set on cameras; each `sealed` opens only for what stands beside it. */
export const CameraLogins = Type.Object({
  kind: Type.Literal('camera-logins'),
  session: Count,
  logins: Type.Array(
    Type.Object({
      loginId: Uuid,
      sealed: SealedLogin,
      for: Type.Union([
        Type.Object({
          kind: Type.Literal('claim'),
          address: Type.String({ maxLength: 500 }),
          name: nullable(Type.String({ maxLength: 200 })),
          siteId: nullable(Uuid),
        }),
        Type.Object({ kind: Type.Literal('credentials'), deviceId: DeviceId }),
        Type.Object({ kind: Type.Literal('password'), deviceId: DeviceId }),
      ]),
    }),
    { minItems: 1 },
  ),
})
export type CameraLogins = Static<typeof CameraLogins>

export const DownMessage = Type.Union([
  Welcome,
  Desired,
  Budgets,
  Unassigned,
  Ack,
  LicenseAnswer,
  CameraLogins,
  HelloAgain,
])
export type DownMessage = Static<typeof DownMessage>
