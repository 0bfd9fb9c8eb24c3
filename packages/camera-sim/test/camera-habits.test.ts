import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { SimulatedCamera } from '../src/index.ts'
import { createManualTime } from '../src/time.ts'
import { childNamed } from '../src/xml/reader.ts'
import { all, call, envelope, readReply, send, sendWithDigest, soapRequest, soapType, textsOf } from './raw-client.ts'
import { createIssuer, install, startCamera, until, upload } from './test-camera.ts'

const activate = '<ans:Activate><AppID>app.one</AppID></ans:Activate>'
const createPullPoint = '<tev:CreatePullPointSubscription/>'
const pull =
  '<tev:PullMessages><tev:Timeout>PT0S</tev:Timeout><tev:MessageLimit>9</tev:MessageLimit></tev:PullMessages>'
const nowSeconds = 1_760_000_000

async function startLicensed(claims: Parameters<Awaited<ReturnType<typeof createIssuer>>['issue']>[0]) {
  const issuer = await createIssuer()
  const time = createManualTime(nowSeconds * 1000)
  const camera = await startCamera({ time, trust: [issuer.root] })
  camera.installApp({ appId: 'app.one' })
  const license = await issuer.issue(claims)
  const placed = await call(
    camera,
    'ans',
    `<ans:InstallLicense><AppID>app.one</AppID><License>${license}</License></ans:InstallLicense>`,
  )
  expect([placed.status, (await call(camera, 'ans', activate)).status]).toEqual([200, 200])
  return { camera, time }
}

const stateOf = (camera: SimulatedCamera) => camera.apps()[0]?.state

test('an app stops at the very second its license ends', async () => {
  const { camera, time } = await startLicensed({ typ: 'SUBSCRIPTION', ord: 'order-1', exp: nowSeconds + 100 })
  time.advance(99_999)
  expect(stateOf(camera)).toBe('Active')
  time.advance(1)
  await until(() => stateOf(camera) === 'Inactive')
  expect(camera.apps()[0]?.status).toContain('expired')
})

test('a camera that is switched off waits for no end of a license, so that its process ends', async () => {
  const { camera, time } = await startLicensed({ typ: 'SUBSCRIPTION', ord: 'order-1', exp: nowSeconds + 86_400 })
  expect(time.waiting()).toBe(1)
  await camera.close()
  expect(time.waiting()).toBe(0)
})

test('an app stops when the clock jumps over the end of its license, by a client or by a fault', async () => {
  const claims = { typ: 'TRIAL', exp: nowSeconds + 100 } as const
  const byFault = await startLicensed(claims)
  byFault.camera.setFault('clockOffsetMs', 101_000)
  await until(() => stateOf(byFault.camera) === 'Inactive')
  const { camera } = await startLicensed(claims)
  const set = await call(
    camera,
    'tds',
    `<tds:SetSystemDateAndTime xmlns:tt="http://www.onvif.org/ver10/schema"><tds:DateTimeType>Manual</tds:DateTimeType>
      <tds:DaylightSavings>false</tds:DaylightSavings><tds:UTCDateTime>
      <tt:Time><tt:Hour>0</tt:Hour><tt:Minute>0</tt:Minute><tt:Second>0</tt:Second></tt:Time>
      <tt:Date><tt:Year>2040</tt:Year><tt:Month>1</tt:Month><tt:Day>1</tt:Day></tt:Date>
      </tds:UTCDateTime></tds:SetSystemDateAndTime>`,
  )
  expect(set.status).toBe(200)
  await until(() => stateOf(camera) === 'Inactive')
})

test('a FULL license holds in 1970 and in a hundred years', async () => {
  const { camera, time } = await startLicensed({})
  for (const offsetMs of [-nowSeconds * 1000, 100 * 365 * 86_400_000]) {
    camera.setFault('clockOffsetMs', offsetMs)
    time.advance(86_400_000)
    expect((await call(camera, 'ans', '<ans:Deactivate><AppID>app.one</AppID></ans:Deactivate>')).status).toBe(200)
    expect((await call(camera, 'ans', activate)).status).toBe(200)
    expect(stateOf(camera)).toBe('Active')
  }
})

test('an app refused for want of a license says so in its Status and by an event', async () => {
  const camera = await startCamera()
  camera.installApp({ appId: 'app.one' })
  const created = await call(camera, 'tev', createPullPoint)
  const path = new URL(textsOf(created.content, 'Address')[0] ?? '').pathname
  expect((await call(camera, 'ans', activate)).fault).toBe('Receiver ter:Action')
  expect(camera.apps()).toMatchObject([{ state: 'Inactive', status: expect.stringContaining('no license') }])
  const { content } = await call(camera, 'tev', pull, path)
  const values = all(content, 'SimpleItem').map((item) => item.attributes.find(({ name }) => name === 'Value')?.value)
  expect(values.slice(-2)).toEqual(['Inactive', expect.stringContaining('no license')])
})

test('a slow camera reads an upload no faster than told', async () => {
  const camera = await startCamera()
  camera.setFault('uploadBytesPerSecond', 1_000_000)
  const startMs = performance.now()
  expect((await upload(camera, { padding: 'x'.repeat(200_000) })).status).toBe(200)
  expect(performance.now() - startMs).toBeGreaterThan(190)
})

test('a reboot can come after the installation is done, and set the clock back to 1970', async () => {
  const camera = await startCamera({ installMs: 40 })
  camera.setFault('rebootDuring', { step: 'install', downMs: 0, inFlight: 'completed', resetsClock: true })
  const back = new Promise<void>((resolve) => camera.onUp(resolve))
  expect((await upload(camera, {})).status).toBe(200)
  await back
  expect(camera.apps()).toMatchObject([{ appId: 'app.one', state: 'Inactive' }])
  expect(camera.now().getUTCFullYear()).toBe(1970)
})

test('a reboot can come after the app was started', async () => {
  const camera = await startCamera({ licenseRequired: 'none' })
  await install(camera, {})
  camera.setFault('rebootDuring', { step: 'activate', downMs: 0, inFlight: 'completed' })
  const back = new Promise<void>((resolve) => camera.onUp(resolve))
  await expect(call(camera, 'ans', activate)).rejects.toThrow()
  await back
  expect(stateOf(camera)).toBe('Active')
})

test('GetServices can leave the capabilities out', async () => {
  const camera = await startCamera()
  const ask = '<tds:GetServices><tds:IncludeCapability>true</tds:IncludeCapability></tds:GetServices>'
  const capabilities = async () =>
    all((await call(camera, 'tds', ask)).content, 'Service').filter((one) => childNamed(one, 'Capabilities')).length
  expect(await capabilities()).toBe(3)
  camera.setFault('noCapabilities', true)
  expect(await capabilities()).toBe(0)
})

test('children in replies of AppMgmt are in no namespace, and in its own when the firmware is wrong', async () => {
  const camera = await startCamera()
  camera.installApp({ appId: 'app.one', name: 'A <B> & C' })
  const info = async () => (await call(camera, 'ans', '<ans:GetAppsInfo/>')).content
  const namespacesOf = async () =>
    new Set(all({ ...(await info()), children: [await info()] }, 'Info').map((one) => one.namespace))
  expect([...(await namespacesOf())]).toEqual([''])
  camera.setFault('qualifiedReplies', true)
  expect([...(await namespacesOf())]).toEqual(['http://www.onvif.org/ver10/appmgmt/wsdl'])
  expect(textsOf(await info(), 'Name')).toEqual(['A <B> & C'])
  expect((await info()).children[0]?.children.every((one) => one.namespace !== '')).toBe(true)
})

test('pull points can be refused, or have an address that says too little', async () => {
  const camera = await startCamera()
  camera.setFault('pullPoint', 'refused')
  expect((await call(camera, 'tev', createPullPoint)).fault).toBe('Receiver ter:ActionNotSupported')
  camera.setFault('pullPoint', 'empty')
  expect(textsOf((await call(camera, 'tev', createPullPoint)).content, 'Address')).toEqual([''])
  camera.setFault('pullPoint', 'hostless')
  const [address = ''] = textsOf((await call(camera, 'tev', createPullPoint)).content, 'Address')
  expect(address).toMatch(/^\/onvif\/subscription\//)
  expect((await call(camera, 'tev', pull, address)).status).toBe(200)
})

test('a pull point that needs its reference parameters is found only by them', async () => {
  const camera = await startCamera()
  camera.setFault('pullPoint', 'reference-parameters')
  const { content } = await call(camera, 'tev', createPullPoint)
  expect(textsOf(content, 'Address')[0]).toMatch(/\/onvif\/event_service$/)
  const parameter = all(content, 'ReferenceParameters')[0]?.children[0]
  const header = `<p:${parameter?.name} xmlns:p="${parameter?.namespace}">${parameter?.text}</p:${parameter?.name}>`
  const withHeader = soapRequest('tev', pull, { header })
  expect(readReply(await sendWithDigest(camera, withHeader)).status).toBe(200)
  expect((await call(camera, 'tev', pull)).fault).toContain('ResourceUnknown')
})

function hold(camera: SimulatedCamera): Socket {
  const socket = connect(camera.port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  return socket
}

test('a camera with one connection cuts the second while the first lasts', async () => {
  const camera = await startCamera()
  camera.setFault('oneConnection', true)
  const first = hold(camera)
  const body = envelope('<t:GetSystemDateAndTime xmlns:t="http://www.onvif.org/ver10/device/wsdl"/>')
  first.write(
    `POST /onvif/device_service HTTP/1.1\r\nHost: camera\r\nContent-Type: ${soapType}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  const [reply] = await once(first, 'data')
  expect(String(reply)).toContain('HTTP/1.1 200')
  const time = soapRequest('tds', '<tds:GetSystemDateAndTime/>')
  await expect(send(camera, time)).rejects.toThrow()
  first.destroy()
  await once(first, 'close')
  await expect
    .poll(() =>
      send(camera, time).then(
        ({ status }) => status,
        () => 0,
      ),
    )
    .toBe(200)
})

test('licenses of an app add up, the same one again replaces itself, and any valid one lets the app run', async () => {
  const issuer = await createIssuer()
  const time = createManualTime(nowSeconds * 1000)
  const camera = await startCamera({ time, trust: [issuer.root] })
  camera.installApp({ appId: 'app.one' })
  const place = async (claims: Parameters<typeof issuer.issue>[0]) =>
    call(
      camera,
      'ans',
      `<ans:InstallLicense><AppID>app.one</AppID><License>${await issuer.issue(claims)}</License></ans:InstallLicense>`,
    )
  const trial = { jti: 'trial', typ: 'TRIAL', exp: nowSeconds + 100 } as const
  for (const claims of [trial, { jti: 'full' }, trial]) expect((await place(claims)).status).toBe(200)
  expect(camera.apps()[0]?.licenses.map(({ licenseId }) => licenseId)).toEqual(['full', 'trial'])
  expect((await call(camera, 'ans', activate)).status).toBe(200)
  time.advance(100_000)
  expect((await call(camera, 'ans', activate)).status).toBe(200)
  expect(stateOf(camera)).toBe('Active')
})
