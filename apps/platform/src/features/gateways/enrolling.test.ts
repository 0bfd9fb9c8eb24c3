import { X509Certificate } from 'node:crypto'
import type { CertificateRenewal } from '@ocelli/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { certificateRequest } from '../../../test/certificate-request.ts'
import { createGatewayBench, type GatewayBench, newKey } from '../../../test/gateway-fixture.ts'

let bench: GatewayBench
beforeAll(async () => {
  bench = await createGatewayBench()
})
afterAll(() => bench?.platform.close())

describe('enrolling', () => {
  test('works once per token, also when two come at once, and an unreadable request leaves the token whole', async () => {
    const { platform, newSite, newSecret, enroll } = bench
    const owner = await platform.account()
    const siteId = await newSite(owner)
    const secret = await newSecret(owner, siteId)
    expect((await enroll({ secret, csr: 'nonsense' })).status).toBe(400)
    const answers = await Promise.all([1, 2].map(() => enroll({ secret })))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 401])
    expect((await platform.call(owner, 'GET /device/v1/gateways')).body).toHaveLength(1)
    expect((await platform.call(owner, `DELETE /device/v1/sites/${siteId}`)).body.code).toBe('state-conflict')
  })

  test('keeps the id for the old key, and gives another one to another key or a revoked gateway', async () => {
    const { platform, disconnected, newSite, newSecret, enroll, asGateway } = bench
    const owner = await platform.account()
    const siteId = await newSite(owner)
    const key = newKey()
    const first = (await enroll({ secret: await newSecret(owner, siteId), csr: certificateRequest(key) })).body
    const again = async (by = key) => {
      const body = { secret: await newSecret(owner, siteId), csr: certificateRequest(by), gatewayId: first.gatewayId }
      return (await enroll(body)).body.gatewayId
    }
    expect(await again()).toBe(first.gatewayId)
    expect(await again(newKey())).not.toBe(first.gatewayId)
    const gateway = await asGateway(first.gatewayId)
    const renew = (by = key) =>
      platform.call<CertificateRenewal>(gateway, 'POST /device/v1/gateways/self/certificate', {
        csr: certificateRequest(by),
      })
    const renewed = (await renew()).body
    expect(new X509Certificate(renewed.certificate).subject).toBe(`CN=${first.gatewayId}`)
    expect((await renew(newKey())).status).toBe(400)
    expect((await platform.call(owner, `DELETE /device/v1/gateways/${first.gatewayId}`)).status).toBe(204)
    expect(disconnected).toContain(first.gatewayId)
    expect(await again()).not.toBe(first.gatewayId)
    expect((await renew()).status).toBe(401)
    const stranger = await platform.account()
    for (const method of ['GET', 'DELETE'] as const) {
      expect((await platform.call(stranger, `${method} /device/v1/gateways/${first.gatewayId}`)).status).toBe(404)
    }
  })
})
