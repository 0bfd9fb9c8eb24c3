import type {
  CameraClaim,
  CameraCredentials,
  CameraLoginBatch,
  CameraPassword,
  CertificateRenewal,
  CertificateRenewalRequest,
  ClaimItem,
  ClaimResult,
  Enrollment,
  EnrollmentToken,
  EnrollRequest,
  Gateway,
  PackageSource,
  RecoveryCopy,
} from '@ocelli/contract'
import type { Api, CallOptions } from '../http/api.ts'
import { createListing, type Listing } from '../listing.ts'

interface RecoveryCopyPage {
  items: RecoveryCopy[]
  nextCursor: string | null
}

const one = '/device/v1/gateways/{gatewayId}'

/** Agents near the cameras. What only a gateway may call is in `self`. */
export const gatewayMethods = (api: Api) => ({
  list: api.route(
    'GET /device/v1/gateways',
    (send) =>
      (options?: CallOptions): Promise<Gateway[]> =>
        send.list({}, options),
  ),
  get: api.route(
    `GET ${one}`,
    (send) =>
      (gatewayId: string, options?: CallOptions): Promise<Gateway> =>
        send.json({ params: { gatewayId } }, options),
  ),
  /** Refused by the platform from then on. */
  revoke: api.route(
    `DELETE ${one}`,
    (send) =>
      (gatewayId: string, options?: CallOptions): Promise<void> =>
        send.nothing({ params: { gatewayId } }, options),
  ),
  /** A token that enrolls a new machine in this gateway's place. Shown this one time. */
  createReplacementToken: api.route(
    `POST ${one}/replacement-tokens`,
    (send) =>
      (gatewayId: string, options?: CallOptions): Promise<EnrollmentToken> =>
        send.json({ params: { gatewayId } }, options),
    { ignoresKey: true },
  ),
  /** With the secret of an enrollment token. */
  enroll: api.route(
    'POST /device/v1/gateways/enroll',
    (send) =>
      (request: EnrollRequest, options?: CallOptions): Promise<Enrollment> =>
        send.json({ json: request }, options),
    { isPublic: true, ignoresKey: true },
  ),
  /** Has a gateway claim cameras. `sealed` is what `sealCameraLogin` gives for the gateway's `sealingKey`. */
  claimCameras: api.route(
    `POST ${one}/camera-claims`,
    (send) =>
      (gatewayId: string, cameras: CameraClaim[], options?: CallOptions): Promise<CameraLoginBatch> =>
        send.json({ params: { gatewayId }, json: { cameras } }, options),
  ),
  /** What came of each camera, in the order of the request. */
  claimBatch: api.route(
    `GET ${one}/camera-claims/{batchId}`,
    (send) =>
      (gatewayId: string, batchId: string, options?: CallOptions): Promise<CameraLoginBatch> =>
        send.json({ params: { gatewayId, batchId } }, options),
  ),
  /** Has a gateway use other logins for its cameras; each is tried before it replaces the stored one. */
  changeCredentials: api.route(
    `POST ${one}/camera-credentials`,
    (send) =>
      (gatewayId: string, devices: CameraCredentials[], options?: CallOptions): Promise<CameraLoginBatch> =>
        send.json({ params: { gatewayId }, json: { devices } }, options),
  ),
  /** What came of each device, in the order of the request. */
  credentialsBatch: api.route(
    `GET ${one}/camera-credentials/{batchId}`,
    (send) =>
      (gatewayId: string, batchId: string, options?: CallOptions): Promise<CameraLoginBatch> =>
        send.json({ params: { gatewayId, batchId } }, options),
  ),
  /** Has a gateway set new passwords on its cameras. Everybody else who logs in to them needs the new one from then on. */
  setPasswords: api.route(
    `POST ${one}/camera-passwords`,
    (send) =>
      (gatewayId: string, devices: CameraPassword[], options?: CallOptions): Promise<CameraLoginBatch> =>
        send.json({ params: { gatewayId }, json: { devices } }, options),
  ),
  /** What came of each device, in the order of the request. */
  passwordsBatch: api.route(
    `GET ${one}/camera-passwords/{batchId}`,
    (send) =>
      (gatewayId: string, batchId: string, options?: CallOptions): Promise<CameraLoginBatch> =>
        send.json({ params: { gatewayId, batchId } }, options),
  ),
  /** Logins of the gateway's cameras, sealed to the account's recovery key. */
  recoveryCopies: api.route(
    `GET ${one}/recovery-copies`,
    (send) =>
      (gatewayId: string, options?: CallOptions): Listing<RecoveryCopy, RecoveryCopyPage> =>
        createListing(async (cursor) => {
          const query = cursor === null ? {} : { cursor }
          const page = await send.json<RecoveryCopyPage>({ params: { gatewayId }, query }, options)
          return { page, items: page.items, next: page.nextCursor }
        }),
  ),
  self: {
    renewCertificate: api.route(
      'POST /device/v1/gateways/self/certificate',
      (send) =>
        (request: CertificateRenewalRequest, options?: CallOptions): Promise<CertificateRenewal> =>
          send.json({ json: request }, options),
    ),
    /** A short-lived address of a package that is to be installed. */
    packageSource: api.route(
      'GET /device/v1/gateways/self/packages/{packageId}',
      (send) =>
        (packageId: string, options?: CallOptions): Promise<PackageSource> =>
          send.json({ params: { packageId } }, options),
    ),
  },
})

/** Claims are made by gateways: a camera is claimed by its own authenticated answer. */
export const claimMethods = (api: Api) => ({
  create: api.route(
    'POST /device/v1/claims',
    (send) =>
      (devices: ClaimItem[], options?: CallOptions): Promise<{ results: ClaimResult[] }> =>
        send.json({ json: { devices } }, options),
    { isRepeatable: true },
  ),
})
