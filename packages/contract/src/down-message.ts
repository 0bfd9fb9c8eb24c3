import { type Static, Type } from 'typebox'
import { SealedLogin } from './camera-login.ts'
import { Count, SmallCount } from './channel-count.ts'
import { DesiredRunningState, LicenseType } from './installation.ts'
import { LicensePlacement } from './license.ts'
import { PackageFormat } from './names.ts'
import { AppId, DeviceId, nullable, oneOf, Sha256, Uuid } from './schema.ts'

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
  /** Where cameras that do not answer are looked for; older platforms do not say it. */
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
