import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { sql } from 'kysely'
import type { AccessTokens } from '../auth/access-token.ts'
import { isSameKey, publicJwkOf } from '../ca/certificate-authority.ts'
import { createCollector } from '../collector.ts'
import type { Database } from '../database/database.ts'
import { ProblemError } from '../http/problem.ts'
import { maySpeak } from './may-speak.ts'

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
  { keys, accessTokens }: { keys: GatewayKeys; accessTokens: AccessTokens },
): Promise<string | null> {
  if (!isUuid(clientId)) return 'the client id is no gateway id'
  if (username !== clientId) return 'user name and client id differ'
  const publicKey = await keys.of(clientId)
  if (!publicKey) return 'the gateway is unknown or revoked'
  if (connection instanceof TLSSocket) return refuseCertificate(connection, clientId, publicKey)
  return await refuseToken(password, clientId, accessTokens)
}

type PublicKey = Record<string, unknown>

/** The present keys of gateways, read for many at a time: after a restart all of them come back in the same moment. */
export interface GatewayKeys {
  /** Null for unknown and revoked gateways and those of suspended accounts. Rejects when the database cannot be read. */
  of(gatewayId: string): Promise<PublicKey | null>
}

export function createGatewayKeys(db: Database): GatewayKeys {
  interface Ask extends PromiseWithResolvers<PublicKey | null> {
    gatewayId: string
  }
  const asks = createCollector<Ask>({
    ...{ waitMs: 2, maxItems: 500 },
    handle: async (asked) => {
      try {
        const found = await readKeys(db, [...new Set(asked.map(({ gatewayId }) => gatewayId))])
        for (const { gatewayId, resolve } of asked) resolve(found.get(gatewayId) ?? null)
      } catch (error) {
        for (const { reject } of asked) reject(error)
      }
    },
  })
  return {
    of(gatewayId) {
      const ask = { gatewayId, ...Promise.withResolvers<PublicKey | null>() }
      void asks.add(ask)
      return ask.promise
    },
  }
}

async function readKeys(db: Database, gatewayIds: string[]): Promise<Map<string, PublicKey>> {
  const { rows } = await sql<{ gatewayId: string; publicKey: PublicKey }>`
    SELECT g.gateway_id AS "gatewayId", g.public_key AS "publicKey" FROM gateway g
    WHERE g.gateway_id = ANY(${gatewayIds}::uuid[]) AND ${maySpeak}`.execute(db)
  return new Map(rows.map(({ gatewayId, publicKey }) => [gatewayId, publicKey]))
}

function refuseCertificate(socket: TLSSocket, clientId: string, publicKey: PublicKey): string | null {
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
