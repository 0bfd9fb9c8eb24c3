import http from 'node:http'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { failureOf } from './camera-fixture.ts'
import {
  appsOf,
  CAPABILITIES,
  challenge,
  clientAt,
  listen,
  services,
  soap,
  soapFault,
  startRawCamera,
} from './raw-camera.ts'

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

  test('whose name would make every request a hundred times as long as the answer is not taken', async () => {
    const parameters = `<w:ReferenceParameters xmlns="${'u'.repeat(100_000)}">${'<Id/>'.repeat(4_000)}</w:ReferenceParameters>`
    const camera = await startRawCamera(({ operation }) =>
      operation === 'GetServices' ? services() : created(`<w:Address>/sub</w:Address>${parameters}`),
    )
    const startedAt = performance.now()
    expect((await failureOf(camera.client().subscribeAppStates())).code).toBe('events-unsupported')
    expect(performance.now() - startedAt).toBeLessThan(2000)
    expect(Math.max(...camera.requests.map(({ body }) => body.length))).toBeLessThan(10_000)
  })

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
