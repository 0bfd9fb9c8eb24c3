import type { License, Order } from '@ocelli/contract'
import { expect, test } from 'vitest'
import { runPlatformCommand } from './processes.ts'
import { apiDemos } from './real-apps.ts'
import { type System, startSystem, untilOnline } from './system.ts'

const { appId } = apiDemos

async function subscribe(system: System, termDays: number): Promise<string> {
  const wanted = { appId, licenseType: 'SUBSCRIPTION', quantity: 1, termDays }
  const { orderId } = (await system.call<Order>('POST', '/store/v1/orders', wanted)).body
  await system.call('POST', `/store/v1/orders/${orderId}/confirm`)
  return orderId
}

test('a renewed license goes to its camera by itself, which accepts the key of after a rotation by the same root', async () => {
  const system = await startSystem()
  try {
    const camera = await system.camera('GATE-1')
    await system.claim(camera)
    await untilOnline(system, 'GATE-1')
    await system.upload(apiDemos.v4_0_0)
    const first = await subscribe(system, 20)
    const installing = { licenseType: 'SUBSCRIPTION', orderId: first, start: true }
    await system.call('PUT', `/software/v1/apps/${appId}/devices/GATE-1`, installing)
    const installed = await system.settled(appId, 'GATE-1')
    expect(installed).toMatchObject({ installationState: 'INSTALLED', runningState: 'RUNNING', error: null })
    const onCamera = () => camera.apps().find((app) => app.appId === appId)
    expect(onCamera()?.licenses).toMatchObject([{ licenseId: installed.license?.licenseId }])

    const rotated = await runPlatformCommand(['keys', 'rotate'], { ...process.env, OCELLI_HOME: system.home })
    expect(rotated.code).toBe(0)
    const keyId = rotated.said.match(/^[\w-]{43}$/m)?.[0]
    const second = await subscribe(system, 400)
    const path = `/license/v1/licenses/${installed.license?.licenseId}/renew`
    const signer = (license: License) =>
      JSON.parse(Buffer.from(license.licenseToken?.split('.')[0] ?? '', 'base64url').toString()).kid
    await expect
      .poll(
        async () => {
          const { keys } = (await system.call<{ keys: { kid: string }[] }>('GET', '/.well-known/jwks.json')).body
          return keys.map(({ kid }) => kid)
        },
        { timeout: 20_000, interval: 200 },
      )
      .toContain(keyId)
    const renewed = await system.call<License>('POST', path, { orderId: second })
    expect(renewed).toMatchObject({ status: 200, body: { orderId: second } })
    expect(signer(renewed.body)).toBe(keyId)

    const done = await system.settled(appId, 'GATE-1', {
      until: (now) => now.settled && now.revision > installed.revision,
    })
    expect(done).toMatchObject({
      runningState: 'RUNNING',
      error: null,
      license: { validUntil: renewed.body.validUntil },
    })
    expect(onCamera()).toMatchObject({ state: 'Active' })
    const ends = onCamera()?.licenses.map(({ validUntil }) => validUntil?.getTime())
    expect(ends).toContain(Date.parse(String(renewed.body.validUntil)))
    const { body: held } = await system.call<{ used: number; orders: { orderId: string; used: number }[] }[]>(
      ...(['GET', `/license/v1/licensequantities/apps/${appId}`] as const),
    )
    expect(held[0]?.orders).toMatchObject([
      { orderId: first, used: 0 },
      { orderId: second, used: 1 },
    ])
  } finally {
    await system.close()
  }
})
