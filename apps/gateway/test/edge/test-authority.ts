import { createHash } from 'node:crypto'
import type { X509Certificate } from '@peculiar/x509'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const dayMs = 86_400_000

export interface Pair {
  certificate: string
  key: string
}

/** A certificate authority of its own, as the platform has one. */
export interface TestAuthority {
  certificate: string
  fingerprint: string
  /** A server for `host` (localhost unless told) and 127.0.0.1; `certificate` holds the chain with the CA. */
  issueServer(host?: string): Promise<Pair>
  /** Checks the request's own signature and makes a client certificate. */
  issueFor(csr: string, options: { commonName: string; notBefore?: Date; notAfter?: Date }): Promise<string>
}

export async function createTestAuthority(name = 'Test CA'): Promise<TestAuthority> {
  const x509 = await loadX509()
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const own = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + 3650 * dayMs),
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  })
  const certificate = own.toString('pem')

  async function issue(options: {
    commonName: string
    publicKey: CryptoKey
    notBefore?: Date
    notAfter?: Date
    isServer: boolean
  }): Promise<X509Certificate> {
    const { commonName, publicKey, isServer } = options
    const names = [
      { type: 'dns', value: commonName },
      { type: 'ip', value: '127.0.0.1' },
    ] as const
    return x509.X509CertificateGenerator.create({
      subject: `CN=${commonName}`,
      issuer: own.subject,
      publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: algorithm,
      notBefore: options.notBefore ?? new Date(Date.now() - dayMs),
      notAfter: options.notAfter ?? new Date(Date.now() + 365 * dayMs),
      extensions: isServer ? [new x509.SubjectAlternativeNameExtension([...names])] : [],
    })
  }

  return {
    certificate,
    fingerprint: createHash('sha256').update(Buffer.from(own.rawData)).digest('hex'),
    async issueServer(host = 'localhost') {
      const server = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
      const issued = await issue({ commonName: host, publicKey: server.publicKey, isServer: true })
      const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', server.privateKey)).toString('base64')
      const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`
      return { certificate: `${issued.toString('pem')}\n${certificate}\n`, key }
    },
    async issueFor(csr, { commonName, ...validity }) {
      const request = new x509.Pkcs10CertificateRequest(csr)
      if (!(await request.verify())) throw new Error('The request is not signed by its own key')
      const publicKey = await request.publicKey.export()
      return (await issue({ commonName, publicKey, ...validity, isServer: false })).toString('pem')
    },
  }
}

/** The library's container wants the metadata functions of a proposal that Node does not have. */
async function loadX509(): Promise<typeof import('@peculiar/x509')> {
  const metadata = new WeakMap<object, Map<unknown, unknown>>()
  const getOwnMetadata = (key: unknown, target: object) => metadata.get(target)?.get(key)
  Object.assign(Reflect, {
    getOwnMetadata,
    getMetadata: getOwnMetadata,
    defineMetadata: (key: unknown, value: unknown, target: object) =>
      metadata.set(target, (metadata.get(target) ?? new Map()).set(key, value)),
  })
  return await import('@peculiar/x509')
}
