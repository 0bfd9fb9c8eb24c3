import { OcelliError } from './ocelli-error.ts'

/** Codes of the operating system and of Node; a browser tells nothing and is read as a lost connection. */
const faults: Record<string, { code: string; detail: string; retryable?: false }> = {
  ECONNREFUSED: { code: 'connection-refused', detail: 'refused the connection. Is the platform running there?' },
  ENOTFOUND: { code: 'host-not-found', detail: 'has no such host. Check the base URL and the name server.' },
  EAI_AGAIN: { code: 'host-not-found', detail: 'could not be looked up: the name server does not answer.' },
  ...certificate('certificate-refused', {
    detail: 'shows a certificate that is not trusted here. Trust the CA that has issued it (NODE_EXTRA_CA_CERTS).',
    codes: [
      ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
      ...['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNABLE_TO_GET_ISSUER_CERT', 'CERT_SIGNATURE_FAILURE'],
    ],
  }),
  ...certificate('certificate-outdated', {
    detail: 'shows a certificate that is not good at this time. Renew it, or set the clock of this machine.',
    codes: ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'],
  }),
  ...certificate('certificate-of-other-host', {
    detail: 'shows a certificate that is for another name. Use the name that it is for.',
    codes: ['ERR_TLS_CERT_ALTNAME_INVALID'],
  }),
}
const neverSentCodes = new Set([
  ...['connection-refused', 'host-not-found'],
  ...['certificate-refused', 'certificate-outdated', 'certificate-of-other-host'],
])

/** What `fetch` or a body reader threw, as an error of this client. */
export function networkFault(thrown: unknown, url: string): OcelliError {
  const { host } = new URL(url)
  const fault = faults[faultCode(thrown)]
  const {
    code,
    detail,
    retryable = true,
  } = fault ?? {
    code: 'connection-lost',
    detail: 'could not be reached, or the connection was lost.',
  }
  return new OcelliError(`${host} ${detail}`, { kind: 'unreachable', code, retryable, cause: thrown })
}

/** The request cannot have been carried out, because it never left. */
export const wasNeverSent = ({ kind, code }: OcelliError): boolean => kind === 'unreachable' && neverSentCodes.has(code)

/** Node hides the reason as the cause of `fetch failed`, several of them when a name has several addresses. */
function faultCode(thrown: unknown, depth = 0): string {
  if (typeof thrown !== 'object' || thrown === null || depth > 5) return ''
  const { code, cause, errors } = thrown as { code?: unknown; cause?: unknown; errors?: unknown }
  if (typeof code === 'string' && code in faults) return code
  const inner = Array.isArray(errors) ? errors[0] : undefined
  return faultCode(cause, depth + 1) || faultCode(inner, depth + 1)
}

function certificate(code: string, { detail, codes }: { detail: string; codes: string[] }) {
  return Object.fromEntries(codes.map((one) => [one, { code, detail, retryable: false as const }]))
}
