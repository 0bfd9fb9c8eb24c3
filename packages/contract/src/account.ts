import { type Static, Type } from 'typebox'
import { IssuedInvitation } from './invitation.ts'
import { Permission } from './permission.ts'
import { Name, nullable, oneOf, Timestamp, Uuid } from './schema.ts'
import { Email, User } from './user.ts'

/** A company. Its devices, licenses, orders, people and events are seen by nobody else. */
export const Account = Type.Object(
  {
    accountId: Uuid,
    name: Type.String(),
    isOperator: Type.Boolean({ description: 'Runs this installation; only its users can hold platform:operate.' }),
    suspendedAt: nullable(Timestamp),
    createdAt: Timestamp,
  },
  { $id: 'Account' },
)
export type Account = Static<typeof Account>

export const AccountPatch = Type.Object({ name: Name }, { additionalProperties: false })
export type AccountPatch = Static<typeof AccountPatch>

export const NewAccount = Type.Object({ name: Name, administratorEmail: Email }, { additionalProperties: false })
export type NewAccount = Static<typeof NewAccount>

/** What the instance administrator changes of any account. */
export const AccountAdministration = Type.Object(
  { name: Type.Optional(Name), suspended: Type.Optional(Type.Boolean()) },
  { additionalProperties: false, minProperties: 1 },
)
export type AccountAdministration = Static<typeof AccountAdministration>

export const CreatedAccount = Type.Object({ account: Account, invitation: IssuedInvitation }, { $id: 'CreatedAccount' })
export type CreatedAccount = Static<typeof CreatedAccount>

/** Who asks, as the platform sees it. */
export const Me = Type.Object(
  {
    kind: oneOf(['user', 'technical-user']),
    id: Type.String({ description: 'userId or clientId' }),
    permissions: Type.Array(Permission),
    projectIds: Type.Unsafe<string[] | null>({
      anyOf: [Type.Array(Uuid), { type: 'null' }],
      description: 'Projects whose devices and apps are visible, beside those in no project; null: all.',
    }),
    account: Account,
    user: nullable(User),
  },
  { $id: 'Me' },
)
export type Me = Static<typeof Me>
