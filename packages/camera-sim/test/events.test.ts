import { expect, test } from 'vitest'
import type { SimulatedCamera } from '../src/index.ts'
import { all, call, readReply, type SoapReply, sendWithDigest, soapRequest, textsOf } from './raw-client.ts'
import { install, startCamera, until, upload, uploadRequest } from './test-camera.ts'

const state = 'xmlns:tns1="http://www.onvif.org/ver10/topics"'
const filter = (expression: string, dialect = 'http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet') =>
  `<tev:Filter><n:TopicExpression xmlns:n="http://docs.oasis-open.org/wsn/b-2" ${state} Dialect="${dialect}">${expression}</n:TopicExpression></tev:Filter>`

async function subscribe(camera: SimulatedCamera, children = ''): Promise<string> {
  const body = `<tev:CreatePullPointSubscription>${children}</tev:CreatePullPointSubscription>`
  const reply = await call(camera, 'tev', body)
  return new URL(textsOf(reply.content, 'Address')[0] ?? '').pathname
}

const pull = (camera: SimulatedCamera, path: string, timeout = 'PT5S', limit = 100) =>
  call(
    camera,
    'tev',
    `<tev:PullMessages><tev:Timeout>${timeout}</tev:Timeout><tev:MessageLimit>${limit}</tev:MessageLimit></tev:PullMessages>`,
    path,
  )

/** `Changed app.one Inactive ` and so on: operation, then the values of the items. */
const changes = (reply: SoapReply) =>
  all(reply.content, 'Message')
    .filter((one) => one.namespace === 'http://www.onvif.org/ver10/schema')
    .map((message) =>
      [message, ...all(message, 'SimpleItem')]
        .flatMap((one) => one.attributes.filter(({ name }) => ['PropertyOperation', 'Value'].includes(name)))
        .map(({ value }) => value)
        .join(' '),
    )

async function pullSome(camera: SimulatedCamera, path: string, count: number): Promise<string[]> {
  const seen: string[] = []
  while (seen.length < count) seen.push(...changes(await pull(camera, path)))
  return seen
}

test('a new pull point tells the apps that are there, then every step of an update', async () => {
  const camera = await startCamera({ licenseRequired: 'none' })
  camera.installApp({ appId: 'app.one', state: 'Active' })
  const path = await subscribe(camera, filter('tns1:AppMgmt/State'))
  expect(changes(await pull(camera, path))).toEqual(['Initialized app.one Active'])
  await upload(camera, { versionCode: 2 })
  expect(await pullSome(camera, path, 3)).toEqual([
    'Changed app.one Inactive',
    'Changed app.one Installing',
    'Changed app.one Inactive',
  ])
  await call(camera, 'ans', '<ans:Uninstall><AppID>app.one</AppID></ans:Uninstall>')
  expect(await pullSome(camera, path, 2)).toEqual(['Changed app.one Uninstalling', 'Deleted app.one Removed'])
})

test('a failed installation is told with its reason, and a package that cannot be read without an app', async () => {
  const camera = await startCamera()
  const path = await subscribe(camera)
  camera.setFault('failInstall', 'flash is worn out')
  await install(camera, {})
  expect(await pullSome(camera, path, 2)).toEqual([
    'Initialized app.one Installing',
    'Deleted app.one InstallationFailed flash is worn out',
  ])
  await sendWithDigest(camera, uploadRequest('no package'))
  expect((await pullSome(camera, path, 1))[0]).toMatch(/^Deleted {2}InstallationFailed ./)
})

test('a pull waits until something happens', async () => {
  const camera = await startCamera()
  const path = await subscribe(camera)
  const waiting = pull(camera, path, 'PT20S')
  await until(() => camera.requests.filter(({ operation }) => operation === 'PullMessages').length === 2)
  camera.installApp({ appId: 'late' })
  expect(changes(await waiting)).toEqual(['Initialized late Inactive'])
})

test('an empty pull is answered when its time is over, and MessageLimit is kept', async () => {
  const camera = await startCamera()
  const path = await subscribe(camera)
  const startMs = performance.now()
  expect(changes(await pull(camera, path, 'PT0.2S'))).toEqual([])
  expect(performance.now() - startMs).toBeGreaterThan(190)
  for (const appId of ['a', 'b', 'c']) camera.installApp({ appId })
  expect(changes(await pull(camera, path, 'PT1S', 2))).toHaveLength(2)
  expect(changes(await pull(camera, path, 'PT1S', 2))).toHaveLength(1)
})

test('a synchronization point tells all apps again', async () => {
  const camera = await startCamera()
  camera.installApp({ appId: 'a' })
  const path = await subscribe(camera)
  await pull(camera, path)
  expect((await call(camera, 'tev', '<tev:SetSynchronizationPoint/>', path)).status).toBe(200)
  expect(changes(await pull(camera, path))).toEqual(['Initialized a Inactive'])
})

test('a pull point can be renewed and ended, and is unknown afterwards', async () => {
  const camera = await startCamera()
  const path = await subscribe(camera, '<tev:InitialTerminationTime>PT10S</tev:InitialTerminationTime>')
  const renew = '<wsnt:Renew><wsnt:TerminationTime>PT600S</wsnt:TerminationTime></wsnt:Renew>'
  const [until600 = ''] = textsOf((await call(camera, 'wsnt', renew, path)).content, 'TerminationTime')
  expect(Date.parse(until600) - Date.now()).toBeGreaterThan(590_000)
  expect((await call(camera, 'wsnt', '<wsnt:Unsubscribe/>', path)).status).toBe(200)
  const gone = await pull(camera, path)
  expect([gone.status, gone.fault]).toEqual([500, 'Receiver ter:Action wsrfr:ResourceUnknownFault'])
  expect(all(gone.content, 'ResourceUnknownFault')).toHaveLength(1)
})

test('a pull point that nobody asks ends by itself, and all end with a reboot', async () => {
  const camera = await startCamera()
  const short = await subscribe(camera, '<tev:InitialTerminationTime>PT0.05S</tev:InitialTerminationTime>')
  await expect.poll(async () => (await call(camera, 'tev', '<tev:SetSynchronizationPoint/>', short)).status).toBe(500)
  const path = await subscribe(camera)
  const waiting = pull(camera, path, 'PT20S')
  const cut = expect(waiting).rejects.toThrow()
  await until(
    () => camera.requests.at(-1)?.operation === 'PullMessages' && camera.requests.at(-1)?.authenticated === true,
  )
  await camera.reboot()
  await cut
  expect((await pull(camera, path)).fault).toContain('ResourceUnknownFault')
})

test.each([
  ['tns1:AppMgmt//.', null],
  ['tns1:Device/Trigger|tns1:AppMgmt/State', null],
  ['tns1:Device/Trigger', 'TopicNotSupportedFault'],
  ['AppMgmt', 'InvalidTopicExpressionFault'],
  ['x:AppMgmt/State', 'InvalidTopicExpressionFault'],
])('the topic %s: %s', async (expression, fault) => {
  const camera = await startCamera()
  const body = `<tev:CreatePullPointSubscription>${filter(expression)}</tev:CreatePullPointSubscription>`
  const reply = await call(camera, 'tev', body)
  if (fault === null) expect(reply.fault).toBe(null)
  else expect(reply.fault).toContain(fault)
})

test('an unknown dialect, a filter by content and an end in the past are faults', async () => {
  const camera = await startCamera()
  const create = async (children: string) =>
    (await call(camera, 'tev', `<tev:CreatePullPointSubscription>${children}</tev:CreatePullPointSubscription>`)).fault
  expect(await create(filter('tns1:AppMgmt/State', 'urn:x'))).toContain('TopicExpressionDialectUnknownFault')
  expect(await create('<tev:Filter><x:MessageContent xmlns:x="urn:x"/></tev:Filter>')).toContain('InvalidFilterFault')
  const past = '<tev:InitialTerminationTime>2001-01-01T00:00:00Z</tev:InitialTerminationTime>'
  expect(await create(past)).toContain('UnacceptableInitialTerminationTimeFault')
})

test('replies to clients with WS-Addressing carry action and relation', async () => {
  const camera = await startCamera()
  const header = '<a:MessageID xmlns:a="http://www.w3.org/2005/08/addressing">urn:uuid:1</a:MessageID>'
  const request = soapRequest('tev', '<tev:CreatePullPointSubscription/>', { header })
  const reply = await sendWithDigest(camera, request)
  expect(readReply(reply).status).toBe(200)
  expect(reply.body).toContain('<wsa:RelatesTo>urn:uuid:1</wsa:RelatesTo>')
  expect(reply.body).toContain('EventPortType/CreatePullPointSubscriptionResponse</wsa:Action>')
})

test('GetEventProperties announces the topic', async () => {
  const camera = await startCamera()
  const { content } = await call(camera, 'tev', '<tev:GetEventProperties/>')
  const topic = all(content, 'AppMgmt')[0]?.children[0]
  expect(topic?.name).toBe('State')
  expect(all(content, 'MessageDescription')[0]?.attributes).toMatchObject([{ name: 'IsProperty', value: 'true' }])
})
