import { TokenRefused } from './token-refusal.ts'

/** How a client says who it is: a secret, in its readings where the header's coding is not certain, or an assertion. */
export type ClientCredentials =
  | { kind: 'secret'; clientId: string; secrets: string[] }
  | { kind: 'assertion'; assertion: string }

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Reads the credentials of a token request (RFC 6749, 2.3.1; RFC 7523, 2.2). Exactly one way may be used. */
export function readClientCredentials(form: Record<string, string>, authorization: unknown): ClientCredentials {
  const basic = authorization === undefined ? null : readBasic(authorization)
  const ways = [basic, form.client_secret, form.client_assertion].filter((way) => way !== undefined && way !== null)
  if (ways.length > 1) throw new TokenRefused('invalid_request', 'Authenticate the client in one way only.')
  if (basic) {
    if (form.client_id !== undefined && form.client_id !== basic.clientId) {
      throw new TokenRefused('invalid_request', 'client_id is not the one of the Authorization header.')
    }
    return basic
  }
  if (form.client_assertion !== undefined) {
    if (form.client_assertion_type !== assertionType) {
      throw new TokenRefused('invalid_request', `client_assertion_type must be ${assertionType}.`)
    }
    return { kind: 'assertion', assertion: form.client_assertion }
  }
  if (form.client_id === undefined || form.client_secret === undefined) {
    throw new TokenRefused(
      'invalid_client',
      'Send client id and secret, as HTTP Basic or as client_id and client_secret.',
    )
  }
  return { kind: 'secret', clientId: form.client_id, secrets: [form.client_secret] }
}

/** Both parts are form-encoded by the standard; many clients, curl among them, send them as they are. */
function readBasic(authorization: unknown): Extract<ClientCredentials, { kind: 'secret' }> {
  const encoded = typeof authorization === 'string' ? /^Basic +([\w+/=-]+)$/i.exec(authorization)?.[1] : undefined
  const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString('utf8')) ?? []
  if (!id || secret === undefined) {
    throw new TokenRefused('invalid_client', 'The Authorization header is not of the form `Basic <credentials>`.')
  }
  return {
    kind: 'secret',
    clientId: formDecoded(id) ?? id,
    secrets: [...new Set([formDecoded(secret) ?? secret, secret])],
  }
}

function formDecoded(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch (error) {
    if (error instanceof URIError) return null
    throw error
  }
}
