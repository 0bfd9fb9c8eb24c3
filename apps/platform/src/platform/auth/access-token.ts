import { jwtVerify, SignJWT } from 'jose'
import { ProblemError } from '../http/problem.ts'

export const accessTokenSeconds = 600

/** Access tokens live ten minutes and only name the caller; what it may do is read from the database. */
export interface AccessTokens {
  issue(subject: { kind: 'technical-user' | 'gateway'; id: string }): Promise<string>
  verify(token: string): Promise<{ kind: 'technical-user' | 'gateway'; id: string }>
}

export function createAccessTokens(key: Uint8Array): AccessTokens {
  return {
    issue: ({ kind, id }) =>
      new SignJWT({ kind })
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
        const { kind, sub } = payload
        if (!sub || (kind !== 'technical-user' && kind !== 'gateway')) throw new Error('claims')
        return { kind, id: sub }
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
        throw new ProblemError('unauthenticated', 'The access token is not valid.', {
          headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
          cause,
        })
      }
    },
  }
}
