import { type Static, Type } from 'typebox'
import { SealingJwk } from './camera-login.ts'
import { DayWindow } from './day-window.ts'
import { DriverName } from './names.ts'
import { DeviceId, nullable, oneOf, Timestamp, Uuid } from './schema.ts'

export const DeviceState = oneOf(['CLAIMED', 'UNCLAIMED'])
export type DeviceState = Static<typeof DeviceState>

export const Connectivity = oneOf(['ONLINE', 'OFFLINE', 'UNKNOWN', 'NOT_CONNECTED'])
export type Connectivity = Static<typeof Connectivity>

export const ConnectivityReason = oneOf([
  'gateway-away',
  'unreachable',
  'credentials-refused',
  'needs-first-password',
  'certificate-changed',
  'identity-changed',
  'identity-conflict',
])
export type ConnectivityReason = Static<typeof ConnectivityReason>

const text = nullable(Type.String())

export const Device = Type.Object(
  {
    deviceId: DeviceId,
    state: DeviceState,
    name: text,
    manufacturer: text,
    model: text,
    serialNumber: text,
    macAddress: text,
    firmwareVersion: text,
    architecture: text,
    driver: text,
    appFormats: Type.Array(Type.String()),
    address: text,
    siteId: nullable(Uuid),
    gatewayId: nullable(Uuid),
    projectIds: Type.Array(Uuid),
    customer: text,
    location: text,
    tags: Type.Array(Type.String()),
    connectivity: Connectivity,
    connectivityReason: nullable(ConnectivityReason),
    lastSeenAt: nullable(Timestamp),
    clockOffsetSeconds: nullable(Type.Integer()),
    appsUpdatePossible: Type.Boolean(),
    claimedAt: nullable(Timestamp),
    updatedAt: Timestamp,
  },
  { $id: 'Device' },
)
export type Device = Static<typeof Device>

/** A camera that a gateway came upon, as far as it tells without a login or has told with one. */
export const FoundCamera = Type.Object(
  {
    address: nullable(Type.String({ maxLength: 2000 })),
    deviceId: nullable(DeviceId),
    manufacturer: nullable(Type.String({ maxLength: 300 })),
    model: nullable(Type.String({ maxLength: 300 })),
    serialNumber: nullable(Type.String({ maxLength: 300 })),
    macAddress: nullable(Type.String({ maxLength: 100 })),
    firmwareVersion: nullable(Type.String({ maxLength: 300 })),
    runsApps: nullable(Type.Boolean()),
  },
  { $id: 'FoundCamera' },
)
export type FoundCamera = Static<typeof FoundCamera>

/**
 * How an older version of an app gets over a newer one. IN_PLACE: the camera takes it as an update. REINSTALL: the app is
 * removed and installed anew, which loses its data. NONE: not at all.
 */
export const AppDowngrade = oneOf(['NONE', 'IN_PLACE', 'REINSTALL'])
export type AppDowngrade = Static<typeof AppDowngrade>

/** What explains a device's connectivity, beside the state itself. */
export const DeviceDetail = Type.Object(
  {
    ...Device.properties,
    identitySource: text,
    platformLevel: nullable(Type.Integer()),
    appDowngrade: nullable(AppDowngrade),
    connectivityExplained: Type.Object({
      detail: Type.String({ description: 'One sentence for a person.' }),
      gatewayConnected: nullable(Type.Boolean()),
      gatewayLastMessageAt: nullable(Timestamp),
      cameraLastAnswerAt: nullable(Timestamp),
      clockOffsetSeconds: nullable(Type.Integer()),
      gatewayCertificateExpiresAt: nullable(Timestamp),
      cameraCertificateExpiresAt: nullable(Timestamp),
      replacement: nullable(FoundCamera),
    }),
  },
  { $id: 'DeviceDetail' },
)
export type DeviceDetail = Static<typeof DeviceDetail>

export const DevicePatch = Type.Object(
  {
    name: Type.Optional(nullable(Type.String({ maxLength: 200 }))),
    customer: Type.Optional(nullable(Type.String({ maxLength: 200 }))),
    location: Type.Optional(nullable(Type.String({ maxLength: 200 }))),
    tags: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 50, uniqueItems: true })),
    siteId: Type.Optional(Uuid),
  },
  { additionalProperties: false, minProperties: 1 },
)
export type DevicePatch = Static<typeof DevicePatch>

export const DeviceQuery = Type.Object(
  {
    page: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
    size: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    cursor: Type.Optional(Type.String({ maxLength: 2000 })),
    count: Type.Optional(Type.Boolean()),
    state: Type.Optional(DeviceState),
    connectivity: Type.Optional(Connectivity),
    appsUpdatePossible: Type.Optional(Type.Boolean()),
    appId: Type.Optional(Type.String({ maxLength: 255 })),
    projectId: Type.Optional(Uuid),
    siteId: Type.Optional(Uuid),
    gatewayId: Type.Optional(Uuid),
    model: Type.Optional(Type.String({ maxLength: 200 })),
    customer: Type.Optional(Type.String({ maxLength: 200 })),
    tag: Type.Optional(Type.String({ maxLength: 100 })),
    q: Type.Optional(Type.String({ maxLength: 200, description: 'Free text in id, name, model, address, location.' })),
  },
  { additionalProperties: false },
)
export type DeviceQuery = Static<typeof DeviceQuery>

export const DevicePage = Type.Object({
  items: Type.Array(Device),
  page: Type.Integer(),
  size: Type.Integer(),
  nextCursor: nullable(Type.String()),
  total: nullable(Type.Integer()),
})
export type DevicePage = Static<typeof DevicePage>

/** What a driver read from a camera: everything that belongs to the device row. */
export const DeviceFacts = Type.Object({
  manufacturer: text,
  model: text,
  serialNumber: text,
  macAddress: text,
  firmwareVersion: text,
  architecture: text,
  platformLevel: nullable(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 })),
  appFormats: Type.Array(Type.String({ maxLength: 100 }), { maxItems: 20 }),
  unsignedApps: Type.Optional(
    nullable(Type.Boolean({ description: 'Whether packages without a signature may be installed; null: not told.' })),
  ),
  /** Gateways before 0.3 do not say it. */
  appDowngrade: Type.Optional(nullable(AppDowngrade)),
})
export type DeviceFacts = Static<typeof DeviceFacts>

/** One camera as a gateway claims it: read with a login, from the camera itself. */
export const ClaimItem = Type.Object({
  deviceId: DeviceId,
  identitySource: Type.String({ maxLength: 100, examples: ['onvif:GetDeviceId'] }),
  driver: DriverName,
  address: Type.String({ maxLength: 2000 }),
  name: Type.Optional(Type.String({ maxLength: 200 })),
  siteId: Type.Optional(Uuid),
  facts: DeviceFacts,
})
export type ClaimItem = Static<typeof ClaimItem>

export const ClaimRequest = Type.Object(
  { devices: Type.Array(ClaimItem, { minItems: 1, maxItems: 1000 }) },
  { additionalProperties: false },
)
export type ClaimRequest = Static<typeof ClaimRequest>

export const ClaimResult = Type.Object({
  deviceId: DeviceId,
  result: oneOf(['claimed', 'already-claimed', 'claimed-elsewhere']),
  assignment: nullable(Type.Integer()),
})
export type ClaimResult = Static<typeof ClaimResult>

const octet = '(25[0-5]|2[0-4]\\d|1?\\d?\\d)'
const ipv4 = `${octet}\\.${octet}\\.${octet}\\.${octet}`

/** `192.0.2.7`, `192.0.2.0/24` (/16 at most), `192.0.2.10-192.0.2.40`; `2001:db8::/120` (/112 at most). */
export const AddressRange = Type.String({
  maxLength: 100,
  pattern: `^(${ipv4}(/(1[6-9]|2\\d|3[0-2])|-${ipv4})?|(?=[^/]*:)[0-9A-Fa-f:]{2,39}(/(11[2-9]|12[0-8]))?)$`,
  examples: ['192.168.1.0/24', '192.168.1.10-192.168.1.40'],
})

const BytesPerSecond = Type.Integer({ minimum: 20_000, maximum: 100_000_000_000 })

/** Another budget in some hours of the week, by the site's own clock. The first that holds counts. */
export const SiteBudgetHours = Type.Object(
  {
    ...DayWindow.properties,
    maxInFlight: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: 1000 }))),
    downloadBytesPerSecond: Type.Optional(nullable(BytesPerSecond)),
    uploadBytesPerSecond: Type.Optional(nullable(BytesPerSecond)),
  },
  { additionalProperties: false },
)
export type SiteBudgetHours = Static<typeof SiteBudgetHours>

export const Site = Type.Object(
  {
    siteId: Uuid,
    name: Type.String(),
    timeZone: Type.String(),
    maxInFlight: Type.Integer({ description: 'Cameras that may be worked on at the same time.' }),
    downloadBytesPerSecond: nullable(
      Type.Integer({ description: 'Of packages, by all gateways of the site together; null: as fast as it goes.' }),
    ),
    uploadBytesPerSecond: nullable(
      Type.Integer({
        description: 'Of packages from the gateways to the cameras, together; null: as fast as it goes.',
      }),
    ),
    budgetHours: Type.Array(SiteBudgetHours),
    repair: oneOf(['request', 'auto']),
    addressRanges: Type.Array(Type.String(), { description: 'Where a camera that no longer answers is looked for.' }),
    createdAt: Timestamp,
  },
  { $id: 'Site' },
)
export type Site = Static<typeof Site>

export const SiteBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    timeZone: Type.Optional(Type.String({ maxLength: 100, description: 'IANA name, default UTC' })),
    maxInFlight: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    downloadBytesPerSecond: Type.Optional(nullable(BytesPerSecond)),
    uploadBytesPerSecond: Type.Optional(nullable(BytesPerSecond)),
    budgetHours: Type.Optional(Type.Array(SiteBudgetHours, { maxItems: 20 })),
    repair: Type.Optional(oneOf(['request', 'auto'])),
    addressRanges: Type.Optional(
      Type.Array(AddressRange, {
        maxItems: 16,
        uniqueItems: true,
        description: 'Where a camera that no longer answers is looked for, beside the gateway’s local networks.',
      }),
    ),
  },
  { additionalProperties: false },
)
export type SiteBody = Static<typeof SiteBody>

export const SitePatch = Type.Partial(SiteBody, { additionalProperties: false, minProperties: 1 })
export type SitePatch = Static<typeof SitePatch>

/** A token at the only moment when it is shown; its content is `EnrollmentTokenContent`. */
export const EnrollmentToken = Type.Object({ token: Type.String(), expiresAt: Timestamp })
export type EnrollmentToken = Static<typeof EnrollmentToken>

export const Gateway = Type.Object(
  {
    gatewayId: Uuid,
    siteId: Uuid,
    name: Type.String(),
    connected: Type.Boolean(),
    version: text,
    lastMessageAt: nullable(Timestamp),
    certificateExpiresAt: Timestamp,
    revokedAt: nullable(Timestamp),
    deviceCount: Type.Integer(),
    /** To which passwords of cameras are sealed; null until a gateway that has one has connected. */
    sealingKey: nullable(SealingJwk),
    setsPasswords: Type.Boolean({ description: 'It can set new passwords on cameras.' }),
    createdAt: Timestamp,
  },
  { $id: 'Gateway' },
)
export type Gateway = Static<typeof Gateway>

/** An enrollment token is `oet1.<base64url JSON>`: the JSON names the secret, the site and the CA's SHA-256 fingerprint. */
export const EnrollmentTokenContent = Type.Object({
  secret: Type.String(),
  siteId: Uuid,
  caFingerprint: Sha256Hex(),
  replaces: Type.Optional(Type.Unsafe<string>({ ...Uuid, description: 'The gateway whose devices are taken over' })),
})
export type EnrollmentTokenContent = Static<typeof EnrollmentTokenContent>

function Sha256Hex() {
  return Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of the CA certificate (DER), lower-case hex' })
}

export const EnrollRequest = Type.Object(
  {
    secret: Type.String({ minLength: 20, maxLength: 200 }),
    csr: Type.String({ maxLength: 10_000, description: 'PKCS #10, PEM, proves possession of the key' }),
    name: Type.String({ minLength: 1, maxLength: 200 }),
    gatewayId: Type.Optional(
      Type.Unsafe<string>({
        ...Uuid,
        description: 'Re-enroll an existing gateway of this account with its old folder',
      }),
    ),
    version: Type.String({ maxLength: 50 }),
  },
  { additionalProperties: false },
)
export type EnrollRequest = Static<typeof EnrollRequest>

export const Enrollment = Type.Object({
  gatewayId: Uuid,
  siteId: Uuid,
  certificate: Type.String({ description: 'PEM, common name = gatewayId' }),
  caCertificate: Type.String({ description: 'PEM; its fingerprint must equal the one in the enrollment token' }),
  mqttUrl: Type.String({ examples: ['mqtts://ocelli.example.com:8883'] }),
  mqttWebSocketUrl: Type.String({ examples: ['wss://ocelli.example.com/mqtt'] }),
})
export type Enrollment = Static<typeof Enrollment>

export const CertificateRenewalRequest = Type.Object(
  { csr: EnrollRequest.properties.csr },
  { additionalProperties: false },
)
export type CertificateRenewalRequest = Static<typeof CertificateRenewalRequest>

export const CertificateRenewal = Type.Omit(Enrollment, ['gatewayId', 'siteId'])
export type CertificateRenewal = Static<typeof CertificateRenewal>
