import { randomUUID } from 'node:crypto'
import type { Enrollment, EnrollRequest } from '@ocelli/contract'
import { sql } from 'kysely'
import { hashToken } from '../../platform/auth/secret.ts'
import {
  type CertificateAuthority,
  type IssuedGatewayCertificate,
  isSameKey,
} from '../../platform/ca/certificate-authority.ts'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'

export interface EnrollmentDeps {
  ca: CertificateAuthority
  mqttUrl: string
  mqttWebSocketUrl: string
}

/**
 * The token is used up in the transaction that makes the gateway: a request that fails leaves it whole, and of two that
 * come at once one gets it. The old id is kept for the same account, site and key; a token alone takes no gateway over.
 */
export async function enrollGateway(
  { db, origin }: Context,
  request: EnrollRequest,
  deps: EnrollmentDeps,
): Promise<Enrollment> {
  return await inTransaction(db, async (transaction) => {
    const { accountId, siteId } = await useToken(transaction, request.secret)
    const before = request.gatewayId
      ? await transaction
          .selectFrom('gateway')
          .select(['gateway_id', 'public_key'])
          .where('gateway_id', '=', request.gatewayId)
          .where('account_id', '=', accountId)
          .where('site_id', '=', siteId)
          .where('revoked_at', 'is', null)
          .executeTakeFirst()
      : undefined
    const issue = (gatewayId: string) => deps.ca.issueGatewayCertificate({ csrPem: request.csr, gatewayId })
    const renewed = before ? await issue(before.gateway_id) : null
    const isKept = before && renewed && isSameKey(renewed.publicJwk, before.public_key)
    const gatewayId = isKept ? before.gateway_id : randomUUID()
    const issued = isKept ? renewed : await issue(gatewayId)
    const { name, version } = request
    await transaction
      .insertInto('gateway')
      .values({ gateway_id: gatewayId, account_id: accountId, site_id: siteId, name, version, ...columnsOf(issued) })
      .onConflict((conflict) => conflict.column('gateway_id').doUpdateSet({ name, version, ...columnsOf(issued) }))
      .execute()
    const event = { type: 'gateway.enrolled' as const, accountId, data: { gatewayId, siteId, name, isNew: !isKept } }
    await emitEvents(transaction, { ...origin, actor: { kind: 'gateway', id: gatewayId } }, [event])
    return { gatewayId, siteId, ...answerOf(issued, deps) }
  })
}

async function useToken(db: DatabaseTransaction, secret: string): Promise<{ accountId: string; siteId: string }> {
  const { rows } = await sql<{ accountId: string; siteId: string }>`
    UPDATE enrollment_token t SET used_at = now()
    FROM account a
    WHERE t.token_hash = ${hashToken(secret)} AND t.used_at IS NULL AND t.expires_at > now()
      AND a.account_id = t.account_id AND a.suspended_at IS NULL
    RETURNING t.account_id AS "accountId", t.site_id AS "siteId"`.execute(db)
  const [token] = rows
  if (token) return token
  throw new ProblemError(
    'unauthenticated',
    'This enrollment token is unknown, was used already, or has expired. Make a new one for the site.',
  )
}

/** For the same key only: an access token that leaked for ten minutes must not become a certificate for a year. */
export async function renewCertificate(
  { db, caller, origin }: Context,
  csrPem: string,
  deps: EnrollmentDeps,
): Promise<Omit<Enrollment, 'gatewayId' | 'siteId'>> {
  const issued = await deps.ca.issueGatewayCertificate({ csrPem, gatewayId: caller.id })
  return await inTransaction(db, async (transaction) => {
    const gateway = await transaction
      .selectFrom('gateway')
      .select('public_key')
      .where('gateway_id', '=', caller.id)
      .where('account_id', '=', caller.accountId)
      .where('revoked_at', 'is', null)
      .forUpdate()
      .executeTakeFirst()
    if (!gateway) throw new ProblemError('unauthenticated', 'This gateway was revoked.')
    if (!isSameKey(issued.publicJwk, gateway.public_key)) {
      const detail = 'The request is for another key than the gateway has. Enroll it again with a new token.'
      throw new ProblemError('invalid-request', detail)
    }
    await transaction.updateTable('gateway').set(columnsOf(issued)).where('gateway_id', '=', caller.id).execute()
    const data = { gatewayId: caller.id, expiresAt: issued.expiresAt }
    await emitEvents(transaction, origin, [{ type: 'gateway.renewed', accountId: caller.accountId, data }])
    return answerOf(issued, deps)
  })
}

const columnsOf = ({ publicJwk, serial, expiresAt }: IssuedGatewayCertificate) => ({
  public_key: JSON.stringify(publicJwk),
  certificate_serial: serial,
  certificate_expires_at: expiresAt,
})

const answerOf = ({ certificatePem }: IssuedGatewayCertificate, { ca, mqttUrl, mqttWebSocketUrl }: EnrollmentDeps) => ({
  certificate: certificatePem,
  caCertificate: ca.certificatePem,
  mqttUrl,
  mqttWebSocketUrl,
})
