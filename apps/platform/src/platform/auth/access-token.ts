import { jwtVerify, SignJWT } from 'jose'
import { ProblemError } from '../http/problem.ts'

export const accessTokenSeconds = 600

/** Whom a token names. A technical user's ends with the secret that fetched it. */
export type TokenSubject =
  | { kind: 'technical-user'; id: string; secretNumber: number }
  | { kind: 'gateway'; id: string }

/** Access tokens live ten minutes and only name the caller; what it may do is read from the database. */
export interface AccessTokens {
  issue(subject: TokenSubject): Promise<string>
  verify(token: string): Promise<TokenSubject>
}

export function createAccessTokens(key: Uint8Array): AccessTokens {
  return {
    issue: ({ id, ...claims }) =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
        .setSubject(id)
        .setIssuer('ocelli')
        .setAudience('ocelli')
        .setIssuedAt()
        .setExpirationTime(`${accessTokenSeconds}s`)
        .sign(key),
    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms: ['HS256'],
          typ: 'at+jwt',
          issuer: 'ocelli',
          audience: 'ocelli',
        })
        // tokens of a release that knew no numbers live on for their ten minutes
        const { kind, sub, secretNumber = 0 } = payload
        if (!sub) throw new Error('sub')
        if (kind === 'gateway') return { kind, id: sub }
        if (kind !== 'technical-user' || typeof secretNumber !== 'number') throw new Error('claims')
        return { kind, id: sub, secretNumber }
      } catch (cause) {
        if ((cause as { code?: string }).code === 'ERR_JWT_EXPIRED') {
          throw new ProblemError(
            'token-expired',
            'The access token has expired: get a new one from POST /auth/v1/token.',
            {
              headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
            },
          )
        }
        throw new ProblemError(
          'unauthenticated',
          'The access token is not valid. Get another one by POST /auth/v1/token.',
          {
            headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
            cause,
          },
        )
      }
    },
  }
}
