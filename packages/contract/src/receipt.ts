import { type Static, Type } from 'typebox'
import { AppId, DeviceId, nullable, oneOf, Uuid } from './schema.ts'

/** Longest receipt that is taken, in characters. */
export const maxReceiptLength = 4 * 1024 * 1024 + 16_384

export const ReceiptReport = Type.Object(
  {
    receipt: Type.String({
      minLength: 1,
      maxLength: maxReceiptLength,
      description: 'Compact JWS of type ocelli-receipt+jwt',
    }),
  },
  { additionalProperties: false },
)
export type ReceiptReport = Static<typeof ReceiptReport>

export const ReceiptResult = oneOf(['INSTALLED', 'REMOVED', 'FAILED'])
export type ReceiptResult = Static<typeof ReceiptResult>

/** APPLIED: it counts now. ALREADY_COUNTED: it did before, or its unit is back. REFUSED: `code` says why; it may come again. */
export const ReceiptOutcome = Type.Object({
  licenseId: Uuid,
  deviceId: DeviceId,
  appId: AppId,
  result: ReceiptResult,
  nonce: Type.String(),
  outcome: oneOf(['APPLIED', 'ALREADY_COUNTED', 'REFUSED']),
  code: nullable(
    oneOf(['not-found', 'other-bundle', 'bundle-expired', 'permission-missing', 'state-conflict', 'license-conflict']),
  ),
  detail: nullable(Type.String({ description: 'A sentence.' })),
})
export type ReceiptOutcome = Static<typeof ReceiptOutcome>

export const ReceiptReported = Type.Object(
  { receiptId: Uuid, bundleId: nullable(Uuid), keyId: Type.String(), entries: Type.Array(ReceiptOutcome) },
  { $id: 'ReceiptReported' },
)
export type ReceiptReported = Static<typeof ReceiptReported>

export const LostDevice = Type.Object(
  {
    reason: Type.String({ minLength: 3, maxLength: 500 }),
    state: oneOf(['LOST', 'RESET'], { description: 'LOST: gone for good. RESET: it lost its apps and licenses.' }),
  },
  { additionalProperties: false },
)
export type LostDevice = Static<typeof LostDevice>

export const LostDeviceReleased = Type.Object(
  { deviceId: DeviceId, state: oneOf(['LOST', 'RESET']), licenseIds: Type.Array(Uuid) },
  { $id: 'LostDeviceReleased' },
)
export type LostDeviceReleased = Static<typeof LostDeviceReleased>
