import { type Static, Type } from 'typebox'
import { DeviceId, nullable, oneOf, Timestamp, Uuid } from './schema.ts'

/** A device that passes from one account to another: offered by one, accepted by the other. */
export const Transfer = Type.Object(
  {
    transferId: Uuid,
    deviceId: DeviceId,
    fromAccountId: Uuid,
    toAccountId: Uuid,
    withLicenses: Type.Boolean(),
    state: oneOf(['OFFERED', 'ACCEPTED', 'DECLINED', 'WITHDRAWN']),
    offeredAt: Timestamp,
    decidedAt: nullable(Timestamp),
  },
  { $id: 'Transfer' },
)
export type Transfer = Static<typeof Transfer>

export const TransferRequest = Type.Object(
  { deviceId: DeviceId, toAccountId: Uuid, withLicenses: Type.Optional(Type.Boolean()) },
  { additionalProperties: false },
)
export type TransferRequest = Static<typeof TransferRequest>
