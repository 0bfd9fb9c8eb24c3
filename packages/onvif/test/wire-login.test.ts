import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { failureOf } from './camera-fixture.ts'
import { appsOf, CAPABILITIES, challenge, deviceId, services, soap, soapFault, startRawCamera } from './raw-camera.ts'

describe('the login', () => {
  const isLoggedIn = (authorization: string | undefined, nonce: string) =>
    authorization?.includes(`nonce="${nonce}"`) ?? false

  test('signs the exact target, query included', async () => {
    const camera = await startRawCamera(({ operation, headers }) =>
      operation === 'GetServices' ? services() : headers.authorization === undefined ? challenge() : deviceId('ID'),
    )
    await (await appsOf(camera)).getDeviceId()
    expect(camera.requests.at(-1)?.headers.authorization).toContain('uri="/apps?v=1"')
  })

  test('chooses among several challenges, also when one header is not Digest', async () => {
    const camera = await startRawCamera(({ operation, headers }) => {
      if (operation === 'GetServices') return services()
      if (headers.authorization !== undefined) return deviceId('ID')
      const offers = [
        'Basic realm="r"',
        'Digest realm="r", nonce="x", algorithm=XYZ',
        'Digest realm="r", nonce="s", algorithm=SHA-256',
      ]
      return { status: 401, headers: { 'WWW-Authenticate': offers } }
    })
    await (await appsOf(camera)).getDeviceId()
    expect(camera.requests.at(-1)?.headers.authorization).toMatch(/nonce="s".*algorithm=SHA-256/)
  })

  test('never sends a password in the clear to a camera that knows Basic alone', async () => {
    const camera = await startRawCamera(({ operation }) =>
      operation === 'GetServices' ? services() : { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="r"' } },
    )
    expect((await failureOf((await appsOf(camera)).getDeviceId())).code).toBe('credentials-refused')
    for (const { headers } of camera.requests) expect(headers.authorization).toBeUndefined()
  })

  test('renews a stale nonce', async () => {
    const camera = await startRawCamera(({ operation, headers }) => {
      if (operation === 'GetServices') return services()
      if (isLoggedIn(headers.authorization, 'n2')) return deviceId('ID')
      return headers.authorization === undefined ? challenge() : challenge('nonce="n2", stale=true')
    })
    expect(await (await appsOf(camera)).getDeviceId()).toBe('ID')
  })

  test('gives up on a camera for which every nonce is stale', async () => {
    let count = 0
    const camera = await startRawCamera(({ operation }) =>
      operation === 'GetServices' ? services() : challenge(`nonce="n${count++}", stale=true`),
    )
    const apps = await appsOf(camera)
    for (let call = 0; call < 3; call++) expect((await failureOf(apps.getDeviceId())).code).toBe('credentials-refused')
    expect(camera.requests.filter(({ headers }) => headers.authorization !== undefined)).toHaveLength(2)
  })

  test('works with nonces that are good for one request and never called stale', async () => {
    let nonce = 0
    const camera = await startRawCamera(({ operation, headers }) => {
      if (operation === 'GetServices') return services()
      const isGood = isLoggedIn(headers.authorization, `n${nonce}`)
      nonce += 1
      return isGood ? deviceId('ID') : challenge(`nonce="n${nonce}"`)
    })
    const client = camera.client()
    const apps = await client.appManagement()
    for (let call = 0; call < 4; call++) expect(await apps?.getDeviceId()).toBe('ID')
  })

  test('goes on counting when a camera hands out the same nonce again', async () => {
    const camera = await startRawCamera(({ operation, headers, url }) => {
      if (operation === 'GetServices') return services(CAPABILITIES)
      if (headers.authorization === undefined) return challenge()
      return url.startsWith('/up') ? {} : deviceId('ID')
    })
    const apps = await appsOf(camera)
    await apps.getDeviceId()
    await apps.upload({ open: () => Readable.from([Buffer.from('PK')]), size: 2 })
    const counts = camera.requests.flatMap(({ headers }) => /nc=(\w+)/.exec(headers.authorization ?? '')?.[1] ?? [])
    expect(counts).toEqual(['00000001', '00000002'])
  })

  test('tries a token where a camera answers 401 with a fault and no challenge', async () => {
    const camera = await startRawCamera(({ operation, body }) => {
      if (operation === 'GetServices') return services()
      if (operation === 'GetSystemDateAndTime') return soapFault(500, 'Receiver', 'ActionNotSupported')
      return body.includes('wsse:UsernameToken') ? deviceId('ID') : soapFault(401, 'Sender', 'NotAuthorized')
    })
    expect(await (await appsOf(camera)).getDeviceId()).toBe('ID')
  })

  test('takes the time for a token from the Date header when the camera does not tell it', async () => {
    let created = ''
    const camera = await startRawCamera(({ operation, body }) => {
      const headers = { Date: 'Thu, 01 Jan 2015 00:00:00 GMT' }
      if (operation === 'GetServices') return { ...services(), headers }
      created = /Created>([^<]+)/.exec(body)?.[1] ?? created
      return created === '' || operation === 'GetSystemDateAndTime'
        ? { ...soapFault(400, 'Sender', 'NotAuthorized'), headers }
        : { ...deviceId('ID'), headers }
    })
    expect(await (await appsOf(camera)).getDeviceId()).toBe('ID')
    expect(created).toMatch(/^2015-01-01T00:00:/)
  })
})

describe('the clock', () => {
  test('is believed in the Date header when a camera calls its local time UTC', async () => {
    const headers = { Date: 'Thu, 01 Jan 2015 00:00:00 GMT' }
    const wrong =
      '<UTCDateTime><Time><Hour>8</Hour><Minute>0</Minute><Second>0</Second></Time><Date><Year>2015</Year><Month>1</Month><Day>1</Day></Date></UTCDateTime>'
    const tokens: string[] = []
    const camera = await startRawCamera(({ operation, body }) => {
      if (operation === 'GetServices') return { ...services(), headers }
      if (operation === 'GetSystemDateAndTime') {
        return {
          ...soap(
            `<GetSystemDateAndTimeResponse><SystemDateAndTime>${wrong}</SystemDateAndTime></GetSystemDateAndTimeResponse>`,
          ),
          headers,
        }
      }
      const created = /Created>([^<]+)/.exec(body)?.[1]
      if (created !== undefined) tokens.push(created)
      const isGood = created?.startsWith('2015-01-01T00:') ?? false
      return { ...(isGood ? deviceId('ID') : soapFault(400, 'Sender', 'NotAuthorized')), headers }
    })
    const client = camera.client()
    expect(await (await client.appManagement())?.getDeviceId()).toBe('ID')
    expect(tokens.map((created) => created.slice(0, 13))).toEqual(['2015-01-01T08', '2015-01-01T00'])
    expect(client.refusedLogins).toBe(1)
    // What worked is remembered, or every call would cost a refused login.
    expect(await (await client.appManagement())?.getDeviceId()).toBe('ID')
    expect(client.refusedLogins).toBe(1)
  })
})
