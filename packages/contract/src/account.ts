import { type Static, Type } from 'typebox'
import { Permission } from './permission.ts'
import { nullable, oneOf, Timestamp, Uuid } from './schema.ts'

const Name = Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' })
const PersonName = Type.String({ maxLength: 100 })
const Permissions = Type.Array(Permission, { uniqueItems: true })
/** Compared in lower case. */
export const Email = Type.String({ format: 'email', maxLength: 254 })
export const Password = Type.String({ minLength: 8, maxLength: 128 })
export const ClientId = Type.String({ minLength: 1, maxLength: 255 })

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
    permissions: Type.Optional(Permissions),
  },
  { additionalProperties: false, minProperties: 1 },
)
export type UserPatch = Static<typeof UserPatch>

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

export const NewInvitation = Type.Object({ email: Email, permissions: Permissions }, { additionalProperties: false })
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

export const CreatedAccount = Type.Object({ account: Account, invitation: IssuedInvitation }, { $id: 'CreatedAccount' })
export type CreatedAccount = Static<typeof CreatedAccount>

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
    permissions: Permissions,
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
    permissions: Type.Optional(Permissions),
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

export const Project = Type.Object(
  {
    projectId: Uuid,
    name: Type.String(),
    description: Type.String(),
    memberCount: Type.Integer(),
    deviceCount: Type.Integer(),
    appCount: Type.Integer(),
    createdAt: Timestamp,
  },
  { $id: 'Project' },
)
export type Project = Static<typeof Project>

export const ProjectDetail = Type.Object(
  {
    ...Project.properties,
    members: Type.Array(
      Type.Object({ userId: Uuid, email: Type.String(), firstName: Type.String(), lastName: Type.String() }),
    ),
  },
  { $id: 'ProjectDetail' },
)
export type ProjectDetail = Static<typeof ProjectDetail>

const ProjectDescription = Type.String({ maxLength: 2000 })
export const NewProject = Type.Object(
  { name: Name, description: Type.Optional(ProjectDescription) },
  { additionalProperties: false },
)
export type NewProject = Static<typeof NewProject>

export const ProjectPatch = Type.Object(
  { name: Type.Optional(Name), description: Type.Optional(ProjectDescription) },
  { additionalProperties: false, minProperties: 1 },
)
export type ProjectPatch = Static<typeof ProjectPatch>

/** RFC 6749, 5.1 */
export const TokenAnswer = Type.Object(
  {
    access_token: Type.String(),
    token_type: Type.Literal('Bearer'),
    expires_in: Type.Integer({ description: 'seconds' }),
    scope: Type.String({ description: 'Permissions, separated by spaces.' }),
    token_id: Type.Optional(
      Type.Unsafe<string>({
        ...Uuid,
        description: 'With a device code: the personal access token it was exchanged for.',
      }),
    ),
  },
  { $id: 'TokenAnswer' },
)
export type TokenAnswer = Static<typeof TokenAnswer>

/** RFC 6749, 5.2 */
export const TokenRefusal = Type.Object(
  {
    error: oneOf([
      'invalid_request',
      'invalid_client',
      'unsupported_grant_type',
      'invalid_scope',
      'temporarily_unavailable',
      'invalid_grant',
      // RFC 8628, 3.5
      'authorization_pending',
      'slow_down',
      'access_denied',
      'expired_token',
    ]),
    error_description: Type.String(),
  },
  { $id: 'TokenRefusal' },
)
export type TokenRefusal = Static<typeof TokenRefusal>

export const SignIn = Type.Object(
  { email: Email, password: Type.String({ minLength: 1, maxLength: 128 }), rememberMe: Type.Optional(Type.Boolean()) },
  { additionalProperties: false },
)
export type SignIn = Static<typeof SignIn>

export const PasswordChange = Type.Object(
  { currentPassword: Type.String({ minLength: 1, maxLength: 128 }), newPassword: Password },
  { additionalProperties: false },
)
export type PasswordChange = Static<typeof PasswordChange>

/** The person behind a session. What it may do: GET /account/v1/me. */
export const SignedIn = Type.Object({ email: Type.String(), name: Type.String() }, { $id: 'SignedIn' })
export type SignedIn = Static<typeof SignedIn>
