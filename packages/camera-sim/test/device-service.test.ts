import { expect, test } from 'vitest'
import {
  all,
  call,
  envelope,
  readReply,
  send,
  sendWithDigest,
  services,
  soapRequest,
  soapType,
  textsOf,
} from './raw-client.ts'
import { startCamera } from './test-camera.ts'

test.each([
  ['tds', 'GetSystemDateAndTime', ''],
  ['tds', 'GetServices', '<tds:IncludeCapability>true</tds:IncludeCapability>'],
  ['tds', 'GetServiceCapabilities', ''],
  ['tds', 'GetCapabilities', ''],
  ['tds', 'GetHostname', ''],
  ['tds', 'GetEndpointReference', ''],
  ['tev', 'GetServiceCapabilities', ''],
  ['ans', 'GetServiceCapabilities', ''],
] as const)('%s %s is answered without a login', async (service, name, children) => {
  const camera = await startCamera()
  const reply = readReply(
    await send(camera, soapRequest(service, `<${service}:${name}>${children}</${service}:${name}>`)),
  )
  expect(reply.status).toBe(200)
  expect([reply.content.namespace, reply.content.name]).toEqual([services[service].uri, `${name}Response`])
  expect(reply.headers['content-type']).toBe(soapType)
  expect(camera.requests).toMatchObject([{ operation: name, authenticated: false, credentials: 'none', status: 200 }])
})

test.each([
  ['tds', 'GetDeviceInformation'],
  ['tds', 'GetScopes'],
  ['tds', 'GetNetworkInterfaces'],
  ['tds', 'GetNetworkProtocols'],
  ['tds', 'GetDiscoveryMode'],
  ['tev', 'GetEventProperties'],
  ['tev', 'CreatePullPointSubscription'],
  ['ans', 'GetInstalledApps'],
  ['ans', 'GetAppsInfo'],
  ['ans', 'GetDeviceId'],
] as const)('%s %s wants a login, which a user of the lowest level has', async (service, name) => {
  const camera = await startCamera({ users: [{ username: 'guard', password: 'pw', level: 'User' }] })
  const request = soapRequest(service, `<${service}:${name}/>`)
  const refused = await send(camera, request)
  expect(refused.status).toBe(401)
  expect(refused.challenges).toHaveLength(2)
  const reply = readReply(await sendWithDigest(camera, request, { login: { user: 'guard', password: 'pw' } }))
  expect([reply.status, reply.content.name]).toEqual([200, `${name}Response`])
})

test.each([
  ['tds', '<tds:SetSystemDateAndTime/>'],
  ['tds', '<tds:SystemReboot/>'],
  ['ans', '<ans:Activate><AppID>x</AppID></ans:Activate>'],
  ['ans', '<ans:Deactivate><AppID>x</AppID></ans:Deactivate>'],
  ['ans', '<ans:Uninstall><AppID>x</AppID></ans:Uninstall>'],
  ['ans', '<ans:InstallLicense><AppID>x</AppID><License>x</License></ans:InstallLicense>'],
] as const)('%s %s is for administrators only, and counts as a write only for them', async (service, body) => {
  const camera = await startCamera({ users: [{ username: 'op', password: 'pw', level: 'Operator' }] })
  const login = { user: 'op', password: 'pw' }
  const reply = readReply(await sendWithDigest(camera, soapRequest(service, body), { login }))
  expect([reply.status, reply.fault]).toEqual([400, 'Sender ter:NotAuthorized'])
  expect(camera.writes).toBe(0)
  await call(camera, service, body)
  expect(camera.writes).toBe(1)
})

test('users are listed without passwords, for administrators only', async () => {
  const camera = await startCamera({ users: [{ username: 'op', password: 'pw', level: 'Operator' }] })
  const { content } = await call(camera, 'tds', '<tds:GetUsers/>')
  expect([textsOf(content, 'Username'), textsOf(content, 'UserLevel')]).toEqual([
    ['admin', 'op'],
    ['Administrator', 'Operator'],
  ])
  expect(textsOf(content, 'Password')).toEqual([])
  const asked = await sendWithDigest(camera, soapRequest('tds', '<tds:GetUsers/>'), {
    login: { user: 'op', password: 'pw' },
  })
  expect(readReply(asked).fault).toBe('Sender ter:NotAuthorized')
})

test('addresses repeat the host and port by which the client came', async () => {
  const camera = await startCamera()
  const request = soapRequest(
    'tds',
    '<tds:GetServices><tds:IncludeCapability>false</tds:IncludeCapability></tds:GetServices>',
  )
  const reply = readReply(await send(camera, { ...request, headers: { ...request.headers, Host: 'cam.example:8443' } }))
  expect(textsOf(reply.content, 'XAddr')).toEqual([
    'http://cam.example:8443/onvif/device_service',
    'http://cam.example:8443/onvif/event_service',
    'http://cam.example:8443/onvif/appmgmt',
  ])
  expect(all(reply.content, 'Capabilities')).toEqual([])
})

test('GetServices gives the upload path, the formats and licensing', async () => {
  const camera = await startCamera()
  const reply = await call(
    camera,
    'tds',
    '<tds:GetServices><tds:IncludeCapability>1</tds:IncludeCapability></tds:GetServices>',
  )
  const own = all(reply.content, 'Capabilities').find((one) => one.namespace === services.ans.uri)
  expect(Object.fromEntries(own?.attributes.map(({ name, value }) => [name, value]) ?? [])).toEqual({
    UploadPath: '/onvif/app_upload',
    Licensing: 'true',
    FormatsSupported: 'application/vnd.android.package-archive application/octet-stream',
  })
})

test('the identity that is asked for is the identity that is told', async () => {
  const camera = await startCamera({ manufacturer: 'M & Co', model: 'X1', serialNumber: 'S<1>', firmwareVersion: '9' })
  const reply = await call(camera, 'tds', '<tds:GetDeviceInformation/>')
  expect(reply.content.children.map((child) => child.text)).toEqual(['M & Co', 'X1', '9', 'S<1>', 'X1'])
  const scopes = textsOf((await call(camera, 'tds', '<tds:GetScopes/>')).content, 'ScopeItem')
  expect(scopes).toContain('onvif://www.onvif.org/hardware/X1')
  const id = await call(camera, 'ans', '<ans:GetDeviceId/>')
  expect(id.content.children).toMatchObject([{ namespace: '', name: 'DeviceId', text: 'cam-1' }])
  camera.setDeviceId('cam-2')
  expect(textsOf((await call(camera, 'ans', '<ans:GetDeviceId/>')).content, 'DeviceId')).toEqual(['cam-2'])
})

test('the clock can be set by hand and by NTP', async () => {
  const camera = await startCamera({ clockOffsetMs: 3_600_000 })
  expect(camera.now().getTime() - Date.now()).toBeGreaterThan(3_500_000)
  const date = '<tt:Date><tt:Year>2020</tt:Year><tt:Month>2</tt:Month><tt:Day>29</tt:Day></tt:Date>'
  const time = '<tt:Time><tt:Hour>1</tt:Hour><tt:Minute>2</tt:Minute><tt:Second>3</tt:Second></tt:Time>'
  const set = (type: string, utc: string) =>
    `<tds:SetSystemDateAndTime xmlns:tt="http://www.onvif.org/ver10/schema"><tds:DateTimeType>${type}</tds:DateTimeType>
     <tds:DaylightSavings>false</tds:DaylightSavings>${utc}</tds:SetSystemDateAndTime>`
  const utc = `<tds:UTCDateTime>${time}${date}</tds:UTCDateTime>`
  expect((await call(camera, 'tds', set('Manual', utc))).status).toBe(200)
  expect(camera.now().toISOString()).toMatch(/^2020-02-29T01:02:0[3-9]/)
  const wrong = await call(camera, 'tds', set('Manual', utc.replace('>29<', '>30<')))
  expect(wrong.fault).toBe('Sender ter:InvalidArgVal ter:InvalidDateTime')
  await call(camera, 'tds', set('NTP', ''))
  expect(Math.abs(camera.now().getTime() - Date.now())).toBeLessThan(2_000)
})

test.each([
  ['an operation it does not have', '<tds:GetDNS/>', 500, 'Receiver ter:ActionNotSupported'],
  [
    'a category it does not have',
    '<tds:GetCapabilities><tds:Category>PTZ</tds:Category></tds:GetCapabilities>',
    500,
    'Receiver ter:ActionNotSupported ter:NoSuchService',
  ],
  ['a missing argument', '<tds:GetServices/>', 400, 'Sender ter:InvalidArgs'],
  [
    'an unqualified child',
    '<tds:GetServices><IncludeCapability>true</IncludeCapability></tds:GetServices>',
    400,
    'Sender ter:TagMismatch',
  ],
  ['a service that is elsewhere', '<x:Foo xmlns:x="urn:x"/>', 400, 'Sender ter:UnknownAction'],
])('%s is a fault', async (_what, body, status, fault) => {
  const camera = await startCamera()
  const reply = await call(camera, 'tds', body)
  expect([reply.status, reply.fault]).toEqual([status, fault])
})

test.each([
  [
    'SOAP 1.1',
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body/></e:Envelope>',
    500,
    'VersionMismatch',
  ],
  ['no XML', 'hello', 400, 'Sender ter:WellFormed'],
  [
    'a header that must be understood',
    envelope('<a/>', '<x:H xmlns:x="urn:x" s:mustUnderstand="1"/>'),
    500,
    'MustUnderstand',
  ],
])('%s is a fault', async (_what, body, status, fault) => {
  const camera = await startCamera()
  const headers = { 'Content-Type': soapType }
  const reply = readReply(await send(camera, { path: services.tds.path, headers, body }))
  expect([reply.status, reply.fault]).toEqual([status, fault])
})

test('what is no SOAP is refused by HTTP', async () => {
  const camera = await startCamera()
  const path = services.tds.path
  expect((await send(camera, { path, method: 'GET' })).status).toBe(405)
  expect((await send(camera, { path, headers: { 'Content-Type': 'text/xml' }, body: 'x' })).status).toBe(415)
  expect((await send(camera, { path: '/', headers: { 'Content-Type': soapType } })).status).toBe(404)
  const body = 'x'.repeat(1024 * 1024 + 1)
  expect((await send(camera, { path, headers: { 'Content-Type': soapType }, body })).status).toBe(413)
})

test('SystemReboot is answered, then the camera goes away and comes back on its port', async () => {
  const camera = await startCamera({ downMs: 50 })
  const { port } = camera
  const back = new Promise<void>((resolve) => camera.onUp(resolve))
  expect((await call(camera, 'tds', '<tds:SystemReboot/>')).status).toBe(200)
  await back
  expect([camera.port, camera.reboots]).toEqual([port, 1])
  expect((await call(camera, 'tds', '<tds:GetDeviceInformation/>')).status).toBe(200)
})
