import { type Static, Type } from 'typebox'
import { Permission, PermissionSet } from './permission.ts'
import { Name, nullable, Timestamp, Uuid } from './schema.ts'

export const AccessToken = Type.Object(
  {
    tokenId: Uuid,
    name: Type.String(),
    permissions: Type.Array(Permission),
    createdAt: Timestamp,
    expiresAt: nullable(Timestamp),
    lastUsedAt: nullable(Timestamp),
  },
  { $id: 'AccessToken' },
)
export type AccessToken = Static<typeof AccessToken>

export const NewAccessToken = Type.Object(
  {
    name: Name,
    permissions: Type.Optional(PermissionSet),
    expiresAt: Type.Optional(nullable(Timestamp)),
  },
  { additionalProperties: false, description: 'Without permissions: those that the caller holds now.' },
)
export type NewAccessToken = Static<typeof NewAccessToken>

/** A personal access token at the only moment when it is shown. */
export const IssuedAccessToken = Type.Object(
  { ...AccessToken.properties, token: Type.String({ examples: ['ocp_…'] }) },
  { $id: 'IssuedAccessToken' },
)
export type IssuedAccessToken = Static<typeof IssuedAccessToken>
