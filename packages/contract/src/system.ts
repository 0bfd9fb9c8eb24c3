import { type Static, Type } from 'typebox'

/** `status` is `live`, `ready` or `not ready`; `checks` says `ok` or `failed` by what was looked at. */
export const Health = Type.Object({ status: Type.String(), checks: Type.Record(Type.String(), Type.String()) })
export type Health = Static<typeof Health>

/** RFC 7517: the public keys that licenses are verified with. */
export const KeySet = Type.Object({ keys: Type.Array(Type.Record(Type.String(), Type.String())) })
export type KeySet = Static<typeof KeySet>
