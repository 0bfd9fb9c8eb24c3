import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { CertificateAuthority, KeyAndCertificate } from '../ca/certificate-authority.ts'
import { createLastingCertificate } from '../ca/lasting-certificate.ts'
import { type Config, ConfigError, servesHttps } from '../config.ts'

export interface ServerCertificate {
  /** What is served at this moment. */
  readonly current: { key: string; cert: string }
  /** Gives the certificate to change to, or null while the present one will do. Rejects where there should be one and is none. */
  renew(): Promise<{ key: string; cert: string } | null>
}

/** Of 825 days: clients are shown one of a year and more at any time. */
export const serverRenewedAfterMs = 90 * 86_400_000

/** What HTTPS is served with: the operator's files, read again when they change, else one of the own CA; null for plain HTTP. */
export async function openServerCertificate(
  config: Config,
  { ca, names, nowMs }: { ca: CertificateAuthority; names: string[]; nowMs: () => number },
): Promise<ServerCertificate | null> {
  const { tls } = config
  if (tls) {
    const read = () => readFiles(tls)
    let current = await read()
    return {
      get current() {
        return current
      },
      async renew() {
        const now = await read()
        if (now.cert === current.cert && now.key === current.key) return null
        current = now
        return now
      },
    }
  }
  if (!servesHttps(config)) return null
  const own = createLastingCertificate({
    ...{ issue: () => ca.issueServerCertificate({ names }), renewedAfterMs: serverRenewedAfterMs, nowMs },
  })
  let shown = await own.present()
  return {
    get current() {
      return toPair(shown)
    },
    async renew() {
      const present = await own.present()
      if (present === shown) return null
      shown = present
      return toPair(present)
    },
  }
}

const toPair = ({ certPem, keyPem }: KeyAndCertificate) => ({ cert: certPem, key: keyPem })

/** Tried before it is used: a half-written pair leaves the present one in its place. Throws ConfigError. */
async function readFiles({ certificateFile, keyFile }: NonNullable<Config['tls']>) {
  const cert = await readPem('OCELLI_TLS_CERT', certificateFile)
  const key = await readPem('OCELLI_TLS_KEY', keyFile)
  try {
    createSecureContext({ cert, key })
  } catch (cause) {
    throw new ConfigError(
      `OCELLI_TLS_CERT (${certificateFile}) and OCELLI_TLS_KEY (${keyFile}) are not a certificate and its private key in PEM: ${(cause as Error).message}.`,
      { cause },
    )
  }
  return { cert, key }
}

async function readPem(variable: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new ConfigError(`${variable} names a file that cannot be read: ${(cause as Error).message}.`, { cause })
  }
}
