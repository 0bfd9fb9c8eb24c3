import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { quickDriver, startSimulatedCamera, targetOf } from './simulated-harness.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const options = () => ({ signal: AbortSignal.timeout(10_000) })

async function probeServer(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('An HTTP server has a port.')
  const tls = { pinnedSha256: null, allowLegacy: false }
  return quickDriver.probe({ address: `http://127.0.0.1:${address.port}`, credentials: null, tls }, options())
}

const soap = (body: string) =>
  `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>${body}</s:Body></s:Envelope>`
const tds = 'http://www.onvif.org/ver10/device/wsdl'
const ans = 'http://www.onvif.org/ver10/appmgmt/wsdl'

/** A camera that lists these services; `formats` are those of its application management. */
const cameraWith =
  (namespaces: string[], formats: string): RequestListener =>
  (request, response) => {
    const action = request.headers['content-type'] ?? ''
    const services = namespaces.map(
      (each) => `<Service><Namespace>${each}</Namespace><XAddr>http://192.0.2.1/onvif/service</XAddr></Service>`,
    )
    request.resume()
    if (action.includes('/GetServices')) {
      response.end(soap(`<GetServicesResponse xmlns="${tds}">${services.join('')}</GetServicesResponse>`))
    } else if (action.includes('/GetServiceCapabilities')) {
      const capabilities = `<Capabilities FormatsSupported="${formats}" UploadPath="/u"/>`
      response.end(
        soap(`<a:GetServiceCapabilitiesResponse xmlns:a="${ans}">${capabilities}</a:GetServiceCapabilitiesResponse>`),
      )
    } else {
      response.end(soap(`<GetSystemDateAndTimeResponse xmlns="${tds}"/>`))
    }
  }

test('a camera that runs Android apps', async () => {
  const camera = await startSimulatedCamera({ clockOffsetMs: 3_600_000 })
  closing.push(camera.close)
  const probe = await quickDriver.probe(targetOf(camera), options())
  expect(probe).toMatchObject({ speaks: true, runsApps: true, certificate: null })
  expect(Math.abs((probe.clockOffsetMs ?? 0) - 3_600_000)).toBeLessThan(2_000)
  expect(camera.requests.every(({ credentials }) => credentials === 'none')).toBe(true)
})

test('a camera on https shows its certificate', async () => {
  const camera = await startSimulatedCamera({ https: true })
  closing.push(camera.close)
  const probe = await quickDriver.probe(targetOf(camera), options())
  expect(probe.certificate?.sha256).toMatch(/^[0-9a-f]{64}$/)
  expect(Date.parse(probe.certificate?.expiresAt ?? '')).toBeGreaterThan(Date.now())
})

test('a camera without application management', async () => {
  const probe = await probeServer(cameraWith([tds], ''))
  expect(probe).toMatchObject({ speaks: true, runsApps: false })
  expect(probe.detail).toContain('AppMgmt')
})

test('a camera whose application management takes no .apk', async () => {
  const probe = await probeServer(cameraWith([tds, ans], 'application/x-eap'))
  expect(probe).toMatchObject({ speaks: true, runsApps: false })
  expect(probe.detail).toContain('application/x-eap')
})

test('a camera that asks for a login before it says anything', async () => {
  const probe = await probeServer((request, response) => {
    request.resume()
    response.writeHead(401, { 'WWW-Authenticate': 'Digest realm="r", nonce="n", qop="auth"' }).end()
  })
  expect(probe).toMatchObject({ speaks: true, runsApps: null })
})

test('a web server that is no camera', async () => {
  const page = await probeServer((request, response) => {
    request.resume()
    response.end('<html><body>Welcome</body></html>')
  })
  expect(page).toMatchObject({ speaks: false, runsApps: false })
  const missing = await probeServer((request, response) => {
    request.resume()
    response.writeHead(404).end()
  })
  expect(missing).toMatchObject({ speaks: false, runsApps: false })
})
