import { type Static, Type } from 'typebox'
import { Permission, PermissionSet } from './permission.ts'
import { oneOf, Timestamp, Uuid } from './schema.ts'
import { Email, Password, PersonName } from './user.ts'

export const Invitation = Type.Object(
  {
    invitationId: Uuid,
    email: Type.String(),
    permissions: Type.Array(Permission),
    state: oneOf(['PENDING', 'EXPIRED']),
    createdAt: Timestamp,
    expiresAt: Timestamp,
  },
  { $id: 'Invitation' },
)
export type Invitation = Static<typeof Invitation>

/** An invitation at the only moment when its token is shown. */
export const IssuedInvitation = Type.Object(
  { ...Invitation.properties, token: Type.String(), link: Type.String({ description: 'For the invited person.' }) },
  { $id: 'IssuedInvitation' },
)
export type IssuedInvitation = Static<typeof IssuedInvitation>

export const NewInvitation = Type.Object({ email: Email, permissions: PermissionSet }, { additionalProperties: false })
export type NewInvitation = Static<typeof NewInvitation>

export const InvitationAcceptance = Type.Object(
  {
    token: Type.String({ minLength: 1, maxLength: 200 }),
    firstName: PersonName,
    lastName: PersonName,
    password: Password,
  },
  { additionalProperties: false },
)
export type InvitationAcceptance = Static<typeof InvitationAcceptance>
