import http from 'node:http'
import net from 'node:net'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { failureOf } from './camera-fixture.ts'
import {
  CAPABILITIES,
  clientAt,
  listen,
  type RawReply,
  services,
  soap,
  soapFault,
  startRawCamera,
} from './raw-camera.ts'

const challenge = (extra = 'nonce="n1"'): RawReply => ({
  status: 401,
  headers: { 'WWW-Authenticate': `Digest realm="r", qop="auth", ${extra}` },
})
const deviceId = (id: string) => soap(`<GetDeviceIdResponse><DeviceId>${id}</DeviceId></GetDeviceIdResponse>`)

async function appsOf(camera: { client: () => ReturnType<typeof clientAt> }) {
  const apps = await camera.client().appManagement()
  if (apps === null) throw new Error('no app management')
  return apps
}

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

describe('a package', () => {
  test('that is longer than announced is cut off at once', async () => {
    const camera = await startRawCamera(({ operation }) => (operation === 'GetServices' ? services(CAPABILITIES) : {}))
    const endless = () =>
      Readable.from(
        (function* () {
          for (;;) yield Buffer.alloc(1024)
        })(),
      )
    const error = await failureOf((await appsOf(camera)).upload({ open: endless, size: 10_000 }))
    expect(error.message).toContain('announced with 10000 bytes')
  })

  test('that is refused with 401 in the end is not sent again', async () => {
    let bodies = 0
    const camera = await startRawCamera(({ operation, body }) => {
      if (operation === 'GetServices') return services(CAPABILITIES)
      if (body !== '') bodies += 1
      return challenge()
    })
    const apps = await appsOf(camera)
    const upload = () => failureOf(apps.upload({ open: () => Readable.from([Buffer.from('PK')]), size: 2 }))
    expect((await upload()).code).toBe('credentials-refused')
    expect((await upload()).code).toBe('credentials-refused')
    expect(bodies).toBe(1)
  })

  test('is not called taken when the camera says so before it has all of it', async () => {
    const server = http.createServer((incoming, outgoing) => {
      incoming.on('error', () => undefined)
      if (incoming.url === '/onvif/device_service') {
        outgoing.end(services(CAPABILITIES).body)
        return
      }
      outgoing.end()
    })
    const apps = await clientAt(await listen(server)).appManagement()
    const endless = () =>
      Readable.from(
        (function* () {
          for (;;) yield Buffer.alloc(65_536)
        })(),
      )
    const error = await failureOf(apps?.upload({ open: endless, size: 1e9 }) ?? Promise.resolve())
    expect(error.code).toBe('bad-reply')
  })

  test('is stopped by a refusal even when the camera closes the connection right behind it', async () => {
    let failures = 0
    for (let round = 0; round < 20; round++) {
      const server = http.createServer((incoming, outgoing) => {
        if (incoming.url === '/onvif/device_service') {
          outgoing.end(services(CAPABILITIES).body)
          return
        }
        if (incoming.headers['content-length'] === '0') {
          outgoing.end()
          return
        }
        incoming.once('data', () => {
          incoming.socket.end('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
          incoming.socket.destroySoon()
        })
      })
      const apps = await clientAt(await listen(server)).appManagement()
      const part = Buffer.alloc(65_536)
      const open = () =>
        Readable.from(
          (function* () {
            for (let sent = 0; sent < 5e7; sent += part.length) yield part
          })(),
        )
      const error = await failureOf(apps?.upload({ open, size: 5e7 }) ?? Promise.resolve())
      if (error.httpStatus !== 413) failures += 1
    }
    // A reset can overtake the answer on the wire, which no client can cure.
    expect(failures).toBeLessThanOrEqual(2)
  })
})

describe('a subscription', () => {
  const created = (reference: string) =>
    soap(
      `<e:CreatePullPointSubscriptionResponse xmlns:e="urn:e" xmlns:w="http://www.w3.org/2005/08/addressing"><e:SubscriptionReference>${reference}</e:SubscriptionReference></e:CreatePullPointSubscriptionResponse>`,
    )
  const message =
    '<PullMessagesResponse><NotificationMessage><Topic> tns1:AppMgmt/tns1:State </Topic><Message><Message PropertyOperation="Changed"><Source><SimpleItem Name="AppID" Value="a.b"/></Source>' +
    '<Data><SimpleItem Name="State" Value="InstallationFailed"/><SimpleItem Name="Status" Value="bad &lt;sig&gt;"/></Data></Message></Message></NotificationMessage>' +
    '<NotificationMessage><Topic>tns1:Apps/a.b/Crossed</Topic><Message><Message><Source><SimpleItem Name="AppID" Value="a.b"/></Source></Message></Message></NotificationMessage></PullMessagesResponse>'

  test.each([
    ['an empty address', '<w:Address/>', '/events'],
    ['an address without a host', '<w:Address>/sub?id=1</w:Address>', '/sub?id=1'],
    ['an address of another network', '<w:Address>http://10.0.0.9:99/sub/2</w:Address>', '/sub/2'],
    ['a name that is no address', '<w:Address>urn:uuid:1</w:Address>', '/events'],
  ])('with %s is pulled at %s', async (_, reference, target) => {
    const camera = await startRawCamera(({ operation }) =>
      operation === 'GetServices'
        ? services()
        : operation === 'CreatePullPointSubscription'
          ? created(reference)
          : soap(message),
    )
    const subscription = await camera.client().subscribeAppStates()
    expect(await subscription.pull({ waitMs: 1000 })).toEqual([
      { appId: 'a.b', state: 'InstallationFailed', status: 'bad <sig>', operation: 'Changed' },
    ])
    expect(camera.requests.at(-1)?.url).toBe(target)
  })

  test('carries its reference parameters and address back in the header', async () => {
    const reference =
      '<w:Address>http://10.0.0.9/sub</w:Address><w:ReferenceParameters><k:SubscriptionId xmlns:k="http://axis" kind="x">42</k:SubscriptionId></w:ReferenceParameters>'
    const camera = await startRawCamera(({ operation }) =>
      operation === 'GetServices'
        ? services()
        : operation === 'CreatePullPointSubscription'
          ? created(reference)
          : soap('<PullMessagesResponse/>'),
    )
    const subscription = await camera.client().subscribeAppStates()
    expect(await subscription.pull({ waitMs: 1000 })).toEqual([])
    const header = /<env:Header>(.*)<\/env:Header>/.exec(camera.requests.at(-1)?.body ?? '')?.[1] ?? ''
    expect(header).toMatch(/<e:SubscriptionId xmlns:e="http:\/\/axis" kind="x"[^>]*>42<\/e:SubscriptionId>/)
    expect(header).toMatch(/<wsa:To[^>]*>http:\/\/10\.0\.0\.9\/sub<\/wsa:To>/)
    expect(header).toMatch(/<wsa:Action[^>]*>[^<]*PullMessagesRequest<\/wsa:Action>/)
  })

  test('is asked for more plainly when a camera refuses filter or duration', async () => {
    const camera = await startRawCamera(({ operation, body }) => {
      if (operation === 'GetServices') return services()
      return /Filter|TerminationTime/.test(body)
        ? soapFault(500, 'Receiver', 'Action')
        : created('<w:Address>http://h/s</w:Address>')
    })
    await camera.client().subscribeAppStates()
    expect(camera.requests.filter(({ operation }) => operation === 'CreatePullPointSubscription')).toHaveLength(3)
  })

  test.each([
    ['is renewed before it lapses', soap('<RenewResponse/>'), ['Renew', 'PullMessages', 'Renew', 'PullMessages']],
    [
      'is pulled all the same when the camera cannot renew',
      soapFault(500, 'Receiver', 'ActionNotSupported'),
      ['Renew', 'PullMessages', 'PullMessages'],
    ],
  ])('%s', async (_, renewed, expected) => {
    const camera = await startRawCamera(({ operation }) => {
      if (operation === 'GetServices') return services()
      if (operation === 'CreatePullPointSubscription') return created('<w:Address>http://h/s</w:Address>')
      return operation === 'Renew' ? renewed : soap('<PullMessagesResponse/>')
    })
    const subscription = await camera.client().subscribeAppStates({ lifetimeMs: 0 })
    await subscription.pull({ waitMs: 1000 })
    await subscription.pull({ waitMs: 1000 })
    expect(camera.requests.slice(2).map(({ operation }) => operation)).toEqual(expected)
  })

  test('that no camera gives is unsupported', async () => {
    const camera = await startRawCamera(({ operation }) =>
      operation === 'GetServices' ? services() : soapFault(500, 'Receiver', 'ActionNotSupported'),
    )
    expect((await failureOf(camera.client().subscribeAppStates())).code).toBe('events-unsupported')
  })
})
