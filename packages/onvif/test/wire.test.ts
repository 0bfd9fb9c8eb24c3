import net from 'node:net'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { failureOf } from './camera-fixture.ts'
import {
  appsOf,
  CAPABILITIES,
  clientAt,
  deviceId,
  listen,
  services,
  soap,
  soapFault,
  startRawCamera,
} from './raw-camera.ts'

describe('what is sent', () => {
  test('is compact SOAP 1.2 with an action, a length and unqualified children of app management', async () => {
    const camera = await startRawCamera(({ operation }) =>
      operation === 'GetServices' ? services() : soap(`<x:ActivateResponse xmlns:x="urn:any"/>`),
    )
    await (await appsOf(camera)).activate('com.a&b')
    const request = camera.requests.at(-1)
    expect(request?.url).toBe('/apps?v=1')
    expect(request?.body).toBe(
      '<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope"><env:Body>' +
        '<ans:Activate xmlns:ans="http://www.onvif.org/ver10/appmgmt/wsdl"><AppID>com.a&amp;b</AppID></ans:Activate></env:Body></env:Envelope>',
    )
    expect(request?.headers).toMatchObject({
      host: new URL(camera.address).host,
      connection: 'close',
      'content-type': 'application/soap+xml; charset=utf-8; action="http://www.onvif.org/ver10/appmgmt/wsdl/Activate"',
      'content-length': String(Buffer.byteLength(request?.body ?? '')),
    })
    expect(request?.headers).not.toHaveProperty('transfer-encoding')
  })

  test('is a package as raw body with a length, in the format for Android, to the path alone', async () => {
    const camera = await startRawCamera(({ operation, url }) =>
      operation === 'GetServices' ? services(CAPABILITIES) : url.startsWith('/up') ? {} : soapFault(400, 'Sender'),
    )
    await (await appsOf(camera)).upload({ open: () => Readable.from([Buffer.from('PK')]), size: 2 })
    const upload = camera.requests.at(-1)
    expect(upload).toMatchObject({ url: '/up?x=1', body: 'PK' })
    expect(upload?.headers).toMatchObject({
      'content-type': 'application/vnd.android.package-archive',
      'content-length': '2',
    })
    expect(upload?.headers).not.toHaveProperty('expect')
  })
})

describe('what is read', () => {
  test.each([
    ['unqualified', '<x:GetDeviceIdResponse xmlns:x="u"><DeviceId>ID</DeviceId></x:GetDeviceIdResponse>'],
    ['qualified', '<x:GetDeviceIdResponse xmlns:x="u"><x:DeviceId>ID</x:DeviceId></x:GetDeviceIdResponse>'],
    ['by a default namespace', '<GetDeviceIdResponse xmlns="u"><DeviceId>ID</DeviceId></GetDeviceIdResponse>'],
    ['with prefixes nobody declared', '<y:GetDeviceIdResponse><y:DeviceId>ID</y:DeviceId></y:GetDeviceIdResponse>'],
    ['pretty-printed', '<GetDeviceIdResponse>\n  <DeviceId>\r\n    ID\n  </DeviceId>\n</GetDeviceIdResponse>'],
  ])('may be %s', async (_, body) => {
    const camera = await startRawCamera(({ operation }) => (operation === 'GetServices' ? services() : soap(body)))
    expect(await (await appsOf(camera)).getDeviceId()).toBe('ID')
  })

  test('is sorted by us when a camera ignores which app was asked for', async () => {
    const info = (id: string) => `<Info><AppID>${id}</AppID><Version>1</Version><State>active</State></Info>`
    const camera = await startRawCamera(({ operation }) =>
      operation === 'GetServices'
        ? services()
        : soap(`<GetAppsInfoResponse>${info('a')}${info('b')}<Info><Name>no id</Name></Info></GetAppsInfoResponse>`),
    )
    const apps = await appsOf(camera)
    expect((await apps.getAppsInfo('b')).map(({ appId, state }) => `${appId} ${state}`)).toEqual(['b Active'])
    expect((await apps.getAppsInfo()).map(({ appId }) => appId)).toEqual(['a', 'b'])
  })

  test.each(['constructor', '__proto__', 'Sleeping', ''])(
    'may name the state %j, which nobody knows',
    async (state) => {
      const camera = await startRawCamera(({ operation }) =>
        operation === 'GetServices'
          ? services()
          : soap(`<GetAppsInfoResponse><Info><AppID>a</AppID><State>${state}</State></Info></GetAppsInfoResponse>`),
      )
      expect((await (await appsOf(camera)).getAppsInfo())[0]?.state).toBe('Unknown')
    },
  )

  test('keeps a device id as it is', async () => {
    const camera = await startRawCamera(({ operation }) =>
      operation === 'GetServices' ? services() : deviceId(' a  b&#x20;'),
    )
    expect(await (await appsOf(camera)).getDeviceId()).toBe(' a  b ')
  })

  test('finds the device id of old cameras among the capabilities', async () => {
    const camera = await startRawCamera(({ operation }) => {
      if (operation === 'GetServices') return services()
      if (operation === 'GetDeviceId') return soapFault(500, 'Receiver', 'ActionNotSupported')
      return soap(
        '<GetServiceCapabilitiesResponse><Capabilities DeviceID="OLD-1" Licensing="1"/></GetServiceCapabilitiesResponse>',
      )
    })
    expect(await (await appsOf(camera)).getDeviceId()).toBe('OLD-1')
  })

  test('understands other encodings and a byte order mark', async () => {
    const text = String(deviceId('Tür').body)
    const bodies = [
      { headers: { 'Content-Type': 'application/soap+xml; charset=iso-8859-1' }, body: Buffer.from(text, 'latin1') },
      { headers: {}, body: Buffer.from(text.replace('"1.0"', '"1.0" encoding="ISO-8859-1"'), 'latin1') },
      { headers: { 'Content-Type': 'text/xml; charset=unheard-of' }, body: Buffer.from(`\ufeff${text}`, 'utf8') },
    ]
    for (const reply of bodies) {
      const camera = await startRawCamera(({ operation }) => (operation === 'GetServices' ? services() : reply))
      expect(await (await appsOf(camera)).getDeviceId()).toBe('Tür')
    }
  })

  test('refuses an entity bomb', async () => {
    const bomb =
      '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaaaaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>' +
      String(deviceId('&b;&b;&b;').body).replace('<?xml version="1.0"?>', '')
    const camera = await startRawCamera(({ operation }) => (operation === 'GetServices' ? services() : { body: bomb }))
    expect((await failureOf((await appsOf(camera)).getDeviceId())).code).toBe('bad-reply')
  })

  test.each([
    ['a redirect', { status: 302, headers: { Location: 'https://cam/onvif' } }, 'bad-reply', 'https://cam/onvif'],
    ['another answer', soap('<GetUsersResponse/>'), 'bad-reply', 'GetUsersResponse'],
    ['an empty body', soap(''), 'bad-reply', 'empty'],
    ['nothing', { body: '' }, 'bad-reply', 'no content'],
    ['JSON', { body: '{"error":1}' }, 'bad-reply', 'not usable XML'],
    ['XML that is no SOAP', { body: '<root/>' }, 'bad-reply', 'not a SOAP message'],
    ['being busy', { status: 503 }, 'rejected', 'busy'],
    [
      'an old fault',
      {
        status: 500,
        body: '<E><Body><Fault><faultcode>a:Client.Odd</faultcode><faultstring>Why</faultstring></Fault></Body></E>'.replaceAll(
          'E>',
          'Envelope>',
        ),
      },
      'rejected',
      'Why (Sender/Odd)',
    ],
  ] as const)('says what is wrong with %s', async (_, reply, code, words) => {
    const camera = await startRawCamera(({ operation }) => (operation === 'GetServices' ? services() : reply))
    const error = await failureOf((await appsOf(camera)).getDeviceId())
    expect(error.code).toBe(code)
    expect(error.message).toContain(words)
  })

  test('ends with an answer that stops in the middle or never ends', async () => {
    const cut = net.createServer((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n<half'))
    })
    const hung = net.createServer((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n<half'))
      socket.on('error', () => undefined)
    })
    const notHttp = net.createServer((socket) => void socket.end('SSH-2.0-OpenSSH_9\r\n'))
    const cutAt = await listen(cut)
    expect((await failureOf(clientAt(cutAt).getServices())).code).toBe('unreachable')
    const hungAt = await listen(hung)
    expect((await failureOf(clientAt(hungAt, { timeoutMs: 100 }).getServices())).code).toBe('timeout')
    const notHttpAt = await listen(notHttp)
    expect((await failureOf(clientAt(notHttpAt).getServices())).code).toBe('bad-reply')
  })
})
