import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { AccessTokens } from '../auth/access-token.ts'
import { isSameKey, publicJwkOf } from '../ca/certificate-authority.ts'
import type { Database } from '../database/database.ts'
import { ProblemError } from '../http/problem.ts'

export interface Login {
  connection: Duplex
  clientId: string
  username: string | undefined
  password: Uint8Array | undefined
}

/**
 * Whether a login is this gateway's. On the MQTT port the client certificate is the proof, inside HTTPS the access token;
 * user name and client id equal the gateway's id in both. Revoked and unknown gateways, those of suspended accounts, and
 * certificates for another key than the gateway's present one are refused. Gives the reason, or null when all is well.
 */
export async function refuseLogin(
  { connection, clientId, username, password }: Login,
  { db, accessTokens }: { db: Database; accessTokens: AccessTokens },
): Promise<string | null> {
  if (!isUuid(clientId)) return 'the client id is no gateway id'
  if (username !== clientId) return 'user name and client id differ'
  const gateway = await db
    .selectFrom('gateway as g')
    .innerJoin('account as a', 'a.account_id', 'g.account_id')
    .where('g.gateway_id', '=', clientId)
    .where('g.revoked_at', 'is', null)
    .where('a.suspended_at', 'is', null)
    .select('g.public_key')
    .executeTakeFirst()
  if (!gateway) return 'the gateway is unknown or revoked'
  if (connection instanceof TLSSocket) return refuseCertificate(connection, clientId, gateway.public_key)
  return await refuseToken(password, clientId, accessTokens)
}

function refuseCertificate(socket: TLSSocket, clientId: string, publicKey: Record<string, unknown>): string | null {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
  if (!certificate) return 'there is no client certificate of our CA'
  if (certificate.subject !== `CN=${clientId}`) return 'the certificate is made out to another gateway'
  if (!isSameKey(publicJwkOf(certificate.toString()), publicKey)) return 'the certificate holds a former key'
  return null
}

async function refuseToken(
  password: Uint8Array | undefined,
  clientId: string,
  accessTokens: AccessTokens,
): Promise<string | null> {
  if (!password) return 'there is no access token'
  try {
    const { kind, id } = await accessTokens.verify(Buffer.from(password).toString('utf8'))
    return kind === 'gateway' && id === clientId ? null : 'the access token is another one’s'
  } catch (error) {
    if (error instanceof ProblemError) return 'the access token is not valid'
    throw error
  }
}

const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
