import type { Permission } from '@ocelli/contract'

/** Which devices and apps a caller sees: all of the account, or those of its projects and those in no project. */
export type ProjectScope = { all: true } | { all: false; projectIds: string[] }

/** Who asks. Permissions and projects are read from the database at most 5 s ago. */
export interface Caller {
  kind: 'user' | 'technical-user' | 'gateway'
  /** userId, clientId or gatewayId */
  id: string
  accountId: string
  permissions: ReadonlySet<Permission>
  scope: ProjectScope
}

/** Resolves credentials of a request; null when the request carries none of its kind. Throws ProblemError when refused. */
export type Authenticator = (request: {
  headers: Record<string, string | string[] | undefined>
  method: string
}) => Promise<Caller | null>
