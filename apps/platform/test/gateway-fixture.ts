import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { ClaimResult, Enrollment, EnrollmentToken, Problem, Site } from '@ocelli/contract'
import { expect } from 'vitest'
import { claimRoutes } from '../src/features/claims/claim-routes.ts'
import { gatewayRoutes } from '../src/features/gateways/gateway-routes.ts'
import { siteRoutes } from '../src/features/sites/site-routes.ts'
import { createCertificateAuthority } from '../src/platform/ca/certificate-authority.ts'
import { createVault } from '../src/platform/keys/master-key.ts'
import { certificateRequest } from './certificate-request.ts'
import { bearerHeader, createTestPlatform, type TestAccount } from './test-platform.ts'

/** Who asks: a person or a gateway. */
export type Asker = Pick<TestAccount, 'headers'>

export const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
export const newRequest = (): string => certificateRequest(newKey())

/** A camera as a gateway claims it. */
export const cameraToClaim = (deviceId: string, changes: object = {}) => ({
  ...{ deviceId, identitySource: 'onvif:GetDeviceId', driver: 'onvif', address: 'http://192.0.2.9' },
  facts: {
    ...{ manufacturer: 'M', model: 'X', serialNumber: null, macAddress: null, firmwareVersion: '1\u0000' },
    ...{ architecture: null, platformLevel: null, appFormats: ['apk'] },
  },
  ...changes,
})

/** A server with the routes of sites, gateways and claims, and gateways that enroll there. */
export async function createGatewayBench() {
  const disconnected: string[] = []
  let caFingerprint = ''
  const platform = await createTestPlatform(async ({ db }) => {
    const ca = await createCertificateAuthority(db, createVault(Buffer.alloc(32, 7)), Date.now)
    caFingerprint = ca.fingerprint
    const urls = { mqttUrl: 'mqtts://ocelli.example.com:8883', mqttWebSocketUrl: 'wss://ocelli.example.com/mqtt' }
    return [
      ...siteRoutes({ caFingerprint, tellShares: () => {}, nowMs: Date.now }),
      ...gatewayRoutes({ ca, ...urls, disconnect: (gatewayId) => disconnected.push(gatewayId) }),
      ...claimRoutes(),
    ]
  })
  const { call } = platform

  /** The secret of a token that the platform has just made; the token says what is expected of it. */
  function secretOf(token: string, content: object): string {
    const told = JSON.parse(Buffer.from(token.slice('oet1.'.length), 'base64url').toString())
    expect(told).toMatchObject({ ...content, caFingerprint })
    return String(told.secret)
  }

  async function newSite(by: Asker, name = 'Plant'): Promise<string> {
    return (await call<Site>(by, 'POST /device/v1/sites', { name })).body.siteId
  }

  async function newSecret(by: Asker, siteId: string): Promise<string> {
    const { status, body } = await call<EnrollmentToken>(by, `POST /device/v1/sites/${siteId}/enrollment-tokens`)
    expect(status).toBe(201)
    return secretOf(body.token, { siteId })
  }

  /** Enrolling needs no account: the secret says whose gateway it is. */
  const enroll = (body: object) =>
    call<Enrollment & Partial<Problem>>(null, 'POST /device/v1/gateways/enroll', {
      name: 'Box',
      version: '1',
      csr: newRequest(),
      ...body,
    })

  const asGateway = async (id: string): Promise<Asker> => ({
    headers: bearerHeader(await platform.accessTokens.issue({ kind: 'gateway', id })),
  })

  return {
    ...{ platform, disconnected, secretOf, newSite, newSecret, enroll, asGateway },
    /** A gateway that has just enrolled for the site. */
    async gatewayOf(owner: Asker, siteId: string): Promise<Asker> {
      const { body } = await enroll({ secret: await newSecret(owner, siteId) })
      return await asGateway(body.gatewayId)
    },
    claim: (by: Asker, ...devices: object[]) =>
      call<{ results: ClaimResult[] }>(by, 'POST /device/v1/claims', { devices }),
  }
}

export type GatewayBench = Awaited<ReturnType<typeof createGatewayBench>>
