import { Type } from 'typebox'

/** Numbers on the device channel are bounded: one statement writes what many gateways say, and fails for all at one that no column holds. */
export const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
export const SmallCount = Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 })
export const Cameras = Type.Integer({ minimum: 0, maximum: 1_000_000 })
