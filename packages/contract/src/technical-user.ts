import { type Static, Type } from 'typebox'
import { Permission, PermissionSet } from './permission.ts'
import { Name, nullable, Timestamp, Uuid } from './schema.ts'

export const ClientId = Type.String({ minLength: 1, maxLength: 255 })

export const TechnicalUser = Type.Object(
  {
    clientId: Type.String(),
    name: Type.String(),
    permissions: Type.Array(Permission),
    projectIds: Type.Unsafe<string[] | null>({
      anyOf: [Type.Array(Uuid), { type: 'null' }],
      description: 'null: the whole account',
    }),
    createdAt: Timestamp,
    lastUsedAt: nullable(Timestamp),
  },
  { $id: 'TechnicalUser' },
)
export type TechnicalUser = Static<typeof TechnicalUser>

export const NewTechnicalUser = Type.Object(
  {
    name: Name,
    permissions: PermissionSet,
    projectIds: Type.Optional(
      Type.Unsafe<string[] | null>({
        anyOf: [Type.Array(Uuid, { minItems: 1, maxItems: 1000, uniqueItems: true }), { type: 'null' }],
      }),
    ),
  },
  { additionalProperties: false },
)
export type NewTechnicalUser = Static<typeof NewTechnicalUser>

/** A technical user at the only moment when its secret is shown. */
export const IssuedTechnicalUser = Type.Object(
  { ...TechnicalUser.properties, clientSecret: Type.String() },
  { $id: 'IssuedTechnicalUser' },
)
export type IssuedTechnicalUser = Static<typeof IssuedTechnicalUser>
