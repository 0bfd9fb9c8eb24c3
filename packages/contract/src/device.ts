import { type Static, Type } from 'typebox'
import { DriverName } from './names.ts'
import { DeviceId, nullable, oneOf, Timestamp, Uuid } from './schema.ts'

export const DeviceState = oneOf(['CLAIMED', 'UNCLAIMED'])
export type DeviceState = Static<typeof DeviceState>

/** UNKNOWN: the gateway is away, or has not told yet. NOT_CONNECTED: no gateway looks after the device. */
export const Connectivity = oneOf(['ONLINE', 'OFFLINE', 'UNKNOWN', 'NOT_CONNECTED'])
export type Connectivity = Static<typeof Connectivity>

/**
 * `identity-changed`: another camera answers at the address. `identity-conflict`: two addresses report this identity. Nothing
 * is written then.
 */
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
  /** Older gateways do not say it. */
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
