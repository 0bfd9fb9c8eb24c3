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
import { takeOver } from './take-over.ts'

export interface EnrollmentDeps {
  ca: CertificateAuthority
  mqttUrl: string
  mqttWebSocketUrl: string
  /** Ends the gateway's connection, if this process has it. */
  disconnect: (gatewayId: string) => void
}

/**
 * The token is used up in the transaction that makes the gateway: a request that fails leaves it whole, and of two that
 * come at once one gets it. The old id is kept for the same account, site and key; a token alone takes no gateway over.
 */
export async function enrollGateway(
  { db, origin, afterCommit }: Context,
  request: EnrollRequest,
  deps: EnrollmentDeps,
): Promise<Enrollment> {
  return await inTransaction(db, async (transaction) => {
    const { accountId, siteId, replaces } = await useToken(transaction, request.secret)
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
    if (isKept && before.gateway_id === replaces) {
      throw new ProblemError(
        'invalid-request',
        'This folder is the gateway that would be replaced: enroll it again with an ordinary token of its site.',
      )
    }
    const gatewayId = isKept ? before.gateway_id : randomUUID()
    const issued = isKept ? renewed : await issue(gatewayId)
    const { name, version } = request
    await transaction
      .insertInto('gateway')
      .values({ gateway_id: gatewayId, account_id: accountId, site_id: siteId, name, version, ...columnsOf(issued) })
      .onConflict((conflict) => conflict.column('gateway_id').doUpdateSet({ name, version, ...columnsOf(issued) }))
      .execute()
    const asGateway = { ...origin, actor: { kind: 'gateway' as const, id: gatewayId } }
    const data = { gatewayId, siteId, name, isNew: !isKept, ...(replaces ? { replaces } : {}) }
    await emitEvents(transaction, asGateway, [{ type: 'gateway.enrolled', accountId, data }])
    if (replaces) {
      await takeOver(transaction, asGateway, { accountId, from: replaces, to: gatewayId })
      afterCommit(() => deps.disconnect(replaces))
    }
    return { gatewayId, siteId, ...answerOf(issued, deps) }
  })
}

interface UsedToken {
  accountId: string
  siteId: string
  replaces: string | null
}

async function useToken(db: DatabaseTransaction, secret: string): Promise<UsedToken> {
  const { rows } = await sql<UsedToken>`
    UPDATE enrollment_token t SET used_at = now()
    FROM account a
    WHERE t.token_hash = ${hashToken(secret)} AND t.used_at IS NULL AND t.expires_at > now()
      AND a.account_id = t.account_id AND a.suspended_at IS NULL
    RETURNING t.account_id AS "accountId", t.site_id AS "siteId", t.replaces_gateway_id AS replaces`.execute(db)
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
