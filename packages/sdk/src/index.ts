export type * from '@ocelli/contract'
export {
  type ClientCredentials,
  type Credentials,
  clientCredentials,
  type FixedToken,
  type NoCredentials,
  personalAccessToken,
  type Session,
  session,
  type TokenProvider,
} from './auth/credentials.ts'
export type { Batch } from './batch/batch.ts'
export type {
  BatchAction,
  BatchCounts,
  BatchDevices,
  BatchError,
  BatchOptions,
  BatchProgress,
  BatchReport,
  DeviceResult,
} from './batch/batch-types.ts'
export type { BatchJournal, JournalEntry } from './batch/journal.ts'
export { type Client, type ClientOptions, createClient } from './client.ts'
export { type Clock, systemClock } from './clock.ts'
export type { Download, DownloadOptions } from './download/download.ts'
export { createSha256, type IncrementalHash } from './download/sha256.ts'
export { type ErrorKind, type FieldError, isOcelliError, OcelliError } from './errors/ocelli-error.ts'
export type { CallOptions } from './http/api.ts'
export type { Attempt } from './http/engine.ts'
export { type Backoff, defaultRetryPolicy, type RetryPolicy } from './http/retry-policy.ts'
export type { Listing } from './listing.ts'
export type { PublishOptions, UploadSource } from './resources/apps.ts'
export type { DeviceFilter } from './resources/devices.ts'
export type { EventStreamOptions } from './resources/events.ts'
export type { ChangeOptions, Pair } from './resources/installations.ts'
export { type CameraLoginSecret, type SealingPurpose, sealCameraLogin } from './sealing/camera-login.ts'
export { sealFor } from './sealing/seal.ts'
