import type { Logger } from 'pino'
import { accessTokenRoutes } from './features/access-tokens/access-tokens-routes.ts'
import { accountRoutes } from './features/accounts/accounts-routes.ts'
import { appsRoutes, defaultMaxPackageBytes } from './features/apps/apps-routes.ts'
import { authTokenRoutes } from './features/auth-token/auth-token-routes.ts'
import { bundleRoutes } from './features/bundles/bundle-routes.ts'
import { cameraLoginRoutes } from './features/camera-logins/camera-login-routes.ts'
import { claimRoutes } from './features/claims/claim-routes.ts'
import { deviceSignInRoutes } from './features/device-sign-in/device-sign-in-routes.ts'
import { exchangeDeviceCode } from './features/device-sign-in/device-sign-in-service.ts'
import { deviceRoutes } from './features/devices/device-routes.ts'
import { eventRoutes } from './features/events/event-routes.ts'
import { gatewayRoutes } from './features/gateways/gateway-routes.ts'
import { grantRoutes } from './features/grants/grant-routes.ts'
import { installationRoutes } from './features/installations/installation-routes.ts'
import { createInstallationService } from './features/installations/installation-service.ts'
import { licenseRoutes } from './features/licenses/license-routes.ts'
import { lostDeviceRoutes } from './features/lost-devices/lost-device-routes.ts'
import { makerKeyRoutes } from './features/maker-keys/maker-key-routes.ts'
import { ordersRoutes } from './features/orders/orders-routes.ts'
import { projectRoutes } from './features/projects/projects-routes.ts'
import { receiptRoutes } from './features/receipts/receipt-routes.ts'
import { recoveryKeyRoutes } from './features/recovery-key/recovery-key-routes.ts'
import { rolloutRoutes } from './features/rollouts/rollout-routes.ts'
import type { People } from './features/sign-in/people.ts'
import { peopleRoutes } from './features/sign-in/people-routes.ts'
import { signingKeyRoutes } from './features/signing-keys/signing-key-routes.ts'
import type { GatewayShare } from './features/sites/share-store.ts'
import { siteRoutes } from './features/sites/site-routes.ts'
import { systemRoutes } from './features/system/system-routes.ts'
import { technicalUserRoutes } from './features/technical-users/technical-users-routes.ts'
import { transferRoutes } from './features/transfers/transfer-routes.ts'
import { userRoutes } from './features/users/users-routes.ts'
import { vendorLicenseRoutes } from './features/vendor-licenses/vendor-license-routes.ts'
import type { AccessTokens } from './platform/auth/access-token.ts'
import type { Authenticator } from './platform/auth/caller.ts'
import type { BlobStore } from './platform/blob-store/blob-store.ts'
import type { CertificateAuthority } from './platform/ca/certificate-authority.ts'
import type { Database } from './platform/database/database.ts'
import type { OpenStreams } from './platform/http/open-streams.ts'
import type { Access, AnyRoute } from './platform/http/route.ts'
import type { LicenseKeys } from './platform/keys/instance-keys.ts'
import type { Metrics } from './platform/metrics.ts'

export interface PlatformParts {
  db: Database
  log: Logger
  metrics: Metrics
  blobs: BlobStore
  ca: CertificateAuthority
  keys: LicenseKeys
  accessTokens: AccessTokens
  authenticate: Authenticator
  people: People
  /** Callers that are remembered are read again: something about them was changed. */
  forget: () => void
  /** Signs download links. */
  linkKey: Uint8Array
  publicUrl: string
  mqttUrl: string
  mqttWebSocketUrl: string
  metricsAccess: Access
  checks: Record<string, () => Promise<void>>
  /** The device channel has something to send. */
  wake: () => void
  /** A rollout has been made or changed. */
  wakeRollouts: () => void
  tellShares: (shares: GatewayShare[]) => void
  unassigned: (gatewayId: string, deviceId: string) => void
  disconnect: (gatewayId: string) => void
  closing: AbortSignal
  /** Event streams and those of rollouts. */
  streams: OpenStreams
  openRolloutsPerAccount: number
  nowMs: () => number
}

/** Every route of the platform. */
export function platformRoutes(parts: PlatformParts): AnyRoute[] {
  const { forget, wake } = parts
  return [
    ...authTokenRoutes({ ...parts, exchangeDeviceCode }),
    ...deviceSignInRoutes(parts),
    ...peopleRoutes(parts),
    ...accountRoutes(parts),
    ...recoveryKeyRoutes(),
    ...userRoutes(parts),
    ...technicalUserRoutes({ forget }),
    ...accessTokenRoutes(parts),
    ...projectRoutes({ forget }),
    ...deviceRoutes(parts),
    ...transferRoutes(parts),
    ...siteRoutes({ caFingerprint: parts.ca.fingerprint, tellShares: parts.tellShares, nowMs: parts.nowMs }),
    ...gatewayRoutes(parts),
    ...claimRoutes(),
    ...cameraLoginRoutes({ wake }),
    ...installationRoutes({ installations: createInstallationService(parts) }),
    ...rolloutRoutes(parts),
    ...licenseRoutes(parts),
    ...vendorLicenseRoutes({ wake }),
    ...appsRoutes({ ...parts, maxPackageBytes: defaultMaxPackageBytes }),
    ...ordersRoutes(),
    ...makerKeyRoutes(),
    ...grantRoutes(parts),
    ...signingKeyRoutes(),
    ...bundleRoutes(parts),
    ...receiptRoutes(parts),
    ...lostDeviceRoutes({ wake }),
    ...eventRoutes(parts),
    ...systemRoutes({ ...parts, caCertificate: parts.ca.certificatePem, registry: parts.metrics.registry }),
  ]
}
