import { X509Certificate } from 'node:crypto'
import { resolve } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { CliError, wrongUsage } from '../cli-error.ts'
import { readTextFile } from './private-file.ts'

const connectTimeoutMs = 15_000
/** A root that names itself as its issuer would have no end. */
const maxChainLength = 10

/**
 * The CA (PEM) that `ca` names: PEM itself, a file with it, or the SHA-256 fingerprint of a CA that the server shows in
 * its own chain. Throws `wrong-usage`, and `not-trusted` when the server shows no such CA.
 */
export async function findTrustedCa(
  ca: string,
  { url, cwd, signal }: { url: string; cwd: string; signal: AbortSignal },
): Promise<string> {
  if (ca.includes('-----BEGIN')) return checkPem(ca, 'The CA')
  const fingerprint = readFingerprint(ca)
  if (fingerprint) return await findShownCa(new URL(url), fingerprint, signal)
  const path = resolve(cwd, ca)
  const text = await readTextFile(path)
  if (text === null) throw wrongUsage(`--ca: there is no file ${path}, and "${ca}" is no SHA-256 fingerprint.`)
  return checkPem(text, path)
}

/** 64 hex digits, with or without colons and `sha256:` before them. */
export function readFingerprint(text: string): string | null {
  const digits = text
    .replace(/^sha-?256[:/ ]/i, '')
    .replaceAll(':', '')
    .toLowerCase()
  return /^[0-9a-f]{64}$/.test(digits) ? digits : null
}

export const fingerprintOf = (certificate: X509Certificate): string =>
  certificate.fingerprint256.replaceAll(':', '').toLowerCase()

function checkPem(text: string, what: string): string {
  try {
    return new X509Certificate(text).toString()
  } catch {
    // the parser's own words help nobody
    throw wrongUsage(`${what} is not a certificate in PEM form (-----BEGIN CERTIFICATE-----).`)
  }
}

async function findShownCa(url: URL, fingerprint: string, signal: AbortSignal): Promise<string> {
  if (url.protocol !== 'https:')
    throw wrongUsage(`${url.origin} has no certificate to pin: --ca needs an https address.`)
  const chain = await readChain(url, signal)
  const ca = chain.find((certificate) => fingerprintOf(certificate) === fingerprint)
  if (ca) return ca.toString()
  throw new CliError(
    'not-trusted',
    `${url.origin} does not show the CA with the fingerprint ${fingerprint}. ` +
      'Either the address or the fingerprint is wrong, or somebody stands in between. Nothing was sent.',
  )
}

/** The CA (PEM) at the end of what a server shows, believed by nobody yet. Throws `not-trusted` when it shows none. */
export async function readShownCa(url: string, signal: AbortSignal): Promise<string> {
  const last = (await readChain(new URL(url), signal)).at(-1)
  if (last?.ca) return last.toString()
  throw new CliError('not-trusted', `${url} does not show the CA that has issued its certificate. Ask whoever runs it.`)
}

/** The certificates a server shows. Nothing is sent to it, so it need not be trusted for this. */
function readChain(url: URL, signal: AbortSignal): Promise<X509Certificate[]> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolvePromise, reject) => {
    const socket: TLSSocket = connect({
      ...{ host, port: Number(url.port || 443), rejectUnauthorized: false, timeout: connectTimeoutMs },
      ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    })
    const fail = (cause: unknown) => {
      socket.destroy()
      const message = `${url.origin} does not answer, so its certificate could not be looked at.`
      reject(signal.aborted ? signal.reason : new CliError('not-trusted', message, { cause }))
    }
    signal.addEventListener('abort', fail, { once: true })
    socket.once('error', fail)
    socket.once('timeout', fail)
    socket.once('secureConnect', () => {
      signal.removeEventListener('abort', fail)
      resolvePromise(chainOf(socket.getPeerX509Certificate()))
      socket.destroy()
    })
  })
}

function chainOf(leaf: X509Certificate | undefined): X509Certificate[] {
  const chain: X509Certificate[] = []
  for (let next = leaf; next && chain.length < maxChainLength; next = next.issuerCertificate) chain.push(next)
  return chain
}
