import { type Static, Type } from 'typebox'
import { AppId, DeviceId, nullable, oneOf, Timestamp, Uuid, VersionName } from './schema.ts'

export const licenseTypes = ['FULL', 'TRIAL', 'SUBSCRIPTION'] as const
export const LicenseType = oneOf(licenseTypes)
export type LicenseType = Static<typeof LicenseType>

/** Who looks at a placed license. NOBODY: the app neither asks the camera nor says where it looks; units are counted only. */
export const LicenseCheckedBy = oneOf(['CAMERA', 'APP', 'NOBODY'])
export type LicenseCheckedBy = Static<typeof LicenseCheckedBy>

export const installationStates = [
  'NOT_INSTALLED',
  'PENDING',
  'DOWNLOADING',
  'INSTALLING',
  'INSTALLED',
  'UPDATING',
  'UNINSTALLING',
  'INSTALLATION_FAILED',
  'UPDATE_FAILED',
  'UNINSTALL_FAILED',
] as const
export const InstallationState = oneOf(installationStates)
export type InstallationState = Static<typeof InstallationState>

export const RunningState = oneOf(['RUNNING', 'NOT_RUNNING', 'UNKNOWN'])
export type RunningState = Static<typeof RunningState>
export const DesiredRunningState = oneOf(['RUNNING', 'NOT_RUNNING'])
export type DesiredRunningState = Static<typeof DesiredRunningState>

export const Step = oneOf(['DOWNLOAD', 'UPLOAD', 'INSTALL', 'LICENSE', 'START', 'STOP', 'UNINSTALL'])
export type Step = Static<typeof Step>

export const errorCategories = [
  'device-unreachable',
  'credentials-refused',
  'refused-by-device',
  'incompatible',
  'license',
  'network',
  'timeout',
  'internal',
] as const
export const ErrorCategory = oneOf(errorCategories)
export type ErrorCategory = Static<typeof ErrorCategory>

/** Why an installation failed: the category decides what to do, the code names the cause, the detail is for a person. */
export const InstallationError = Type.Object({
  category: ErrorCategory,
  code: Type.String({ maxLength: 100 }),
  detail: Type.String({ maxLength: 2000 }),
  deviceCode: nullable(Type.String({ maxLength: 200 })),
  appLog: Type.Optional(
    nullable(
      Type.String({ maxLength: 4000, description: "The end of the app's log on the camera, where it keeps one." }),
    ),
  ),
  retryable: Type.Boolean(),
  at: Timestamp,
})
export type InstallationError = Static<typeof InstallationError>

/**
 * What became of an app's configuration when the app was removed and installed anew. RESTORED: saved before and put back.
 * NOT_OFFERED: the camera does not hand it out. LOST: it could not be saved, or the version installed now did not take it.
 */
export const AppConfiguration = oneOf(['RESTORED', 'NOT_OFFERED', 'LOST'])
export type AppConfiguration = Static<typeof AppConfiguration>

export const Progress = Type.Object({
  step: Step,
  percent: nullable(Type.Integer({ minimum: 0, maximum: 100 })),
  deadlineAt: nullable(Timestamp),
})
export type Progress = Static<typeof Progress>

/** How a camera differs from a wish that had settled: the app is gone, was stopped or started, or has another version. */
export const Drift = oneOf(['REMOVED', 'STOPPED', 'STARTED', 'VERSION_CHANGED'])
export type Drift = Static<typeof Drift>

export const Installation = Type.Object(
  {
    appId: AppId,
    deviceId: DeviceId,
    name: nullable(Type.String()),
    managed: Type.Boolean(),
    installationState: InstallationState,
    runningState: RunningState,
    desiredRunningState: nullable(DesiredRunningState),
    settled: Type.Boolean({ description: 'Nothing more will happen by itself; poll until true.' }),
    updatable: Type.Boolean(),
    installedVersion: nullable(Type.String()),
    targetVersion: nullable(Type.String()),
    latestVersion: nullable(Type.String()),
    progress: nullable(Progress),
    drift: nullable(Drift),
    queued: Type.Boolean(),
    revision: Type.Integer(),
    license: nullable(Type.Object({ licenseId: Uuid, licenseType: LicenseType, validUntil: nullable(Timestamp) })),
    licenseCheckedBy: Type.Unsafe<LicenseCheckedBy | null>({
      ...nullable(LicenseCheckedBy),
      description:
        'NOBODY: units are counted, and the app runs without a license. Null where the app is not known here.',
    }),
    error: nullable(InstallationError),
    requestedAt: nullable(Timestamp),
    updatedAt: nullable(Timestamp),
    observedAt: nullable(Timestamp),
  },
  { $id: 'Installation' },
)
export type Installation = Static<typeof Installation>

export const InstallRequest = Type.Object(
  {
    licenseType: LicenseType,
    orderId: Type.Optional(Uuid),
    version: Type.Optional(VersionName),
    start: Type.Optional(Type.Boolean()),
    allowDowngrade: Type.Optional(
      Type.Boolean({
        description:
          'A version lower than the installed one is wanted, also where the camera removes the app for it and its data is lost.',
      }),
    ),
  },
  { additionalProperties: false },
)
export type InstallRequest = Static<typeof InstallRequest>

export const InstallationQuery = Type.Object(
  {
    whenOffline: Type.Optional(
      oneOf(['reject', 'queue'], { description: 'queue: carry it out when the device returns' }),
    ),
  },
  { additionalProperties: false },
)
export type InstallationQuery = Static<typeof InstallationQuery>
