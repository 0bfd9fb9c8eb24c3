import { permissions as known, type Permission, type TokenAnswer } from '@ocelli/contract'
import { sql } from 'kysely'
import { type AccessTokens, accessTokenSeconds, type TokenSubject } from '../../platform/auth/access-token.ts'
import type { Database } from '../../platform/database/database.ts'
import { clientNetwork } from '../../platform/http/client-network.ts'
import { verifyClientSecret } from '../technical-users/client-secret.ts'
import { claimedIssuer, verifyClientAssertion } from './client-assertion.ts'
import { type ClientCredentials, readClientCredentials } from './client-credentials.ts'
import type { FailureLimit } from './failure-limit.ts'
import { TokenRefused } from './token-refusal.ts'
import { attemptWithin } from './within-limits.ts'

interface TokenRequest {
  /** The decoded form, as it came. */
  form: unknown
  authorization: unknown
  ip: string
  requestId: string
}

/** RFC 8628, 3.4. Throws TokenRefused. */
export type DeviceCodeExchange = (
  db: Database,
  deviceCode: string | undefined,
  requestId: string,
) => Promise<TokenAnswer>

const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code'

interface TokenServiceOptions {
  accessTokens: Pick<AccessTokens, 'issue'>
  failures: FailureLimit
  exchangeDeviceCode: DeviceCodeExchange
  nowMs: () => number
}

interface Client {
  subject: TokenSubject
  permissions: Permission[]
}

/** Gives machines their access tokens (RFC 6749, 4.4). Throws TokenRefused. */
export function createTokenService({ accessTokens, failures, exchangeDeviceCode, nowMs }: TokenServiceOptions) {
  const identify = async (db: Database, credentials: ClientCredentials): Promise<Client> => {
    if (credentials.kind === 'secret') return await technicalUser(db, credentials)
    const { gatewayId } = await verifyClientAssertion(db, credentials.assertion, nowMs())
    return { subject: { kind: 'gateway', id: gatewayId }, permissions: [] }
  }
  return {
    async issue(db: Database, { form, authorization, ip, requestId }: TokenRequest): Promise<TokenAnswer> {
      const fields = readForm(form)
      if (fields.grant_type === undefined) throw new TokenRefused('invalid_request', 'grant_type is missing.')
      if (fields.grant_type === deviceCodeGrant) return await exchangeDeviceCode(db, fields.device_code, requestId)
      if (fields.grant_type !== 'client_credentials') {
        throw new TokenRefused('unsupported_grant_type', `grant_type must be client_credentials or ${deviceCodeGrant}.`)
      }
      const credentials = readClientCredentials(fields, authorization)
      const name = credentials.kind === 'secret' ? credentials.clientId : claimedIssuer(credentials.assertion)
      const limitKey = `${clientNetwork(ip)} ${name.slice(0, 255)}`
      const identified = await attemptWithin([[failures, limitKey]], () => identify(db, credentials), {
        ofResult: () => 'right',
        ofError: (error) => (error instanceof TokenRefused && error.error === 'invalid_client' ? 'refused' : 'neither'),
      })
      if (identified.kind === 'wait') {
        const { retryAfterSeconds } = identified
        throw new TokenRefused('temporarily_unavailable', 'Too many refused attempts: wait as Retry-After says.', {
          retryAfterSeconds,
        })
      }
      const client = identified.result
      const scope = grantedScope(client.permissions, fields.scope)
      const token = await accessTokens.issue(client.subject)
      return { access_token: token, token_type: 'Bearer', expires_in: accessTokenSeconds, scope }
    },
  }
}

async function technicalUser(
  db: Database,
  { clientId, secrets }: Extract<ClientCredentials, { kind: 'secret' }>,
): Promise<Client> {
  const row = await db
    .selectFrom('technical_user as t')
    .innerJoin('account as a', 'a.account_id', 't.account_id')
    .where('t.client_id', '=', clientId)
    .where('t.revoked_at', 'is', null)
    .where('a.suspended_at', 'is', null)
    .select(['t.secret_hash', 't.secret_number', 't.permissions', 'a.is_operator'])
    .executeTakeFirst()
  const isRight = row !== undefined && (await anyVerifies(secrets, row.secret_hash))
  if (!isRight) throw new TokenRefused('invalid_client', 'There is no such client, or the secret is wrong.')
  await db.updateTable('technical_user').set({ last_used_at: sql`now()` }).where('client_id', '=', clientId).execute()
  const permissions = row.permissions.filter((permission) => permission !== 'platform:operate' || row.is_operator)
  return { subject: { kind: 'technical-user', id: clientId, secretNumber: row.secret_number }, permissions }
}

async function anyVerifies(secrets: string[], stored: string): Promise<boolean> {
  for (const secret of secrets) if (await verifyClientSecret(secret, stored)) return true
  return false
}

/** A token only names its client, so that it always stands for all permissions; asking for one not held is refused. */
function grantedScope(held: Permission[], asked: string | undefined): string {
  const missing = (asked ?? '')
    .split(' ')
    .find((name) => name !== '' && !held.some((permission) => permission === name))
  if (missing !== undefined) {
    const why = known.some((permission) => permission === missing) ? 'is not held by this client' : 'is no permission'
    throw new TokenRefused('invalid_scope', `${missing.slice(0, 100)} ${why}.`)
  }
  return held.join(' ')
}

/** Parameters must not be repeated; those we do not know are ignored (RFC 6749, 3.2). */
function readForm(form: unknown): Record<string, string> {
  if (form === null || form === undefined) return {}
  const entries = Object.entries(form as Record<string, unknown>).filter(([, value]) => value !== '')
  const repeated = entries.find(([, value]) => typeof value !== 'string')
  if (repeated) throw new TokenRefused('invalid_request', `${repeated[0].slice(0, 100)} must be one text.`)
  return Object.fromEntries(entries) as Record<string, string>
}
