import { type Static, Type } from 'typebox'
import { Permission, PermissionSet } from './permission.ts'
import { Timestamp, Uuid } from './schema.ts'

/** Compared in lower case. */
export const Email = Type.String({ format: 'email', maxLength: 254 })
export const Password = Type.String({ minLength: 8, maxLength: 128 })
export const PersonName = Type.String({ maxLength: 100 })

export const User = Type.Object(
  {
    userId: Uuid,
    email: Type.String(),
    firstName: Type.String(),
    lastName: Type.String(),
    permissions: Type.Array(Permission),
    projectIds: Type.Array(Uuid),
    createdAt: Timestamp,
  },
  { $id: 'User' },
)
export type User = Static<typeof User>

export const UserPatch = Type.Object(
  {
    firstName: Type.Optional(PersonName),
    lastName: Type.Optional(PersonName),
    permissions: Type.Optional(PermissionSet),
  },
  { additionalProperties: false, minProperties: 1 },
)
export type UserPatch = Static<typeof UserPatch>
