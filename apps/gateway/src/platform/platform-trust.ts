import type { X509Certificate } from 'node:crypto'
import { request } from 'node:https'
import { TLSSocket } from 'node:tls'
import { GatewayError } from '../state/gateway-error.ts'
import { fingerprintOf } from './gateway-identity.ts'
import { type HttpClient, isUntrustedCertificate, translate } from './http-client.ts'
import { type Environment, proxyAgentFor } from './proxy.ts'

/**
 * The CA that the server at `url` shows in its own chain, PEM, when its fingerprint is the expected one; null when the
 * server's certificate is already trusted by Node's roots (a public certificate) or the url is plain http.
 * Throws `ca-mismatch` when it is neither: somebody else answers there.
 */
export async function findPinnedCa(
  url: URL,
  options: { http: HttpClient; caFingerprint: string; env: Environment; signal: AbortSignal },
): Promise<string | null> {
  const { http, caFingerprint, env, signal } = options
  if (url.protocol !== 'https:') return null
  try {
    const { body } = await http({ method: 'GET', url: new URL('/health/live', url), signal })
    body.destroy()
    return null
  } catch (error) {
    if (!isUntrustedCertificate(error)) throw error
  }
  const chain = await readChain(url, { env, signal })
  const ca = chain.find((certificate) => fingerprintOf(certificate) === caFingerprint)
  if (ca) return ca.toString()
  throw new GatewayError(
    'ca-mismatch',
    `${url.origin} does not show the CA that the enrollment token names (SHA-256 ${caFingerprint}). ` +
      'Either the address is wrong or somebody stands in between. Nothing was sent.',
  )
}

/** The certificates a server shows. The request carries nothing that matters, so its certificate need not be trusted. */
function readChain(url: URL, { env, signal }: { env: Environment; signal: AbortSignal }): Promise<X509Certificate[]> {
  return new Promise((resolve, reject) => {
    const path = new URL('/health/live', url)
    const agent = proxyAgentFor(url, env) ?? false
    const outgoing = request(path, { agent, rejectUnauthorized: false, signal, timeout: chainTimeoutMs })
    outgoing.on('timeout', () => outgoing.destroy(new GatewayError('timeout', `${url.origin} did not answer.`)))
    outgoing.on('error', (error) => reject(signal.aborted ? signal.reason : translate(error, url)))
    outgoing.on('response', ({ socket }) => {
      const leaf = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
      resolve(chainOf(leaf))
      outgoing.destroy()
    })
    outgoing.end()
  })
}

const chainTimeoutMs = 30_000
/** A root that names itself as its issuer would have no end. */
const maxChainLength = 10

function chainOf(leaf: X509Certificate | undefined): X509Certificate[] {
  const chain: X509Certificate[] = []
  for (let next = leaf; next && chain.length < maxChainLength; next = next.issuerCertificate) chain.push(next)
  return chain
}
