import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { networkInterfaces } from 'node:os'
import { readAddressRanges } from '@ocelli/camera-http'
import { startDiscovery } from '@ocelli/camera-sim'
import { expect, onTestFinished, test } from 'vitest'
import {
  type CameraAtAddress,
  type DiscoveredCamera,
  describeCamera,
  findCamerasByAddress,
  type SearchOptions,
  searchCameraAt,
  searchCameras,
} from '../src/index.ts'
import { startCamera } from './camera-fixture.ts'
import { listen, type RawAnswer, type RawReply, startRawCamera } from './raw-camera.ts'

const loopback = Object.fromEntries(
  Object.entries(networkInterfaces()).map(([name, infos]) => [
    name,
    infos?.filter(({ address }) => address === '127.0.0.1'),
  ]),
)
const { signal } = new AbortController()

/** Answers Probes for cameras on the loopback interface, on a port of its own. */
async function startResponder(...deviceIds: string[]) {
  const cameras = await Promise.all(deviceIds.map((deviceId) => startCamera({ deviceId })))
  const responder = await startDiscovery({ cameras, port: 0, interfaceAddress: '127.0.0.1', maxDelayMs: 20 })
  onTestFinished(() => responder.close())
  return { cameras, port: responder.port }
}

async function collect(found: AsyncIterable<DiscoveredCamera>): Promise<DiscoveredCamera[]> {
  const all: DiscoveredCamera[] = []
  for await (const camera of found) all.push(camera)
  return all
}

const search = (options: Partial<SearchOptions>) =>
  collect(searchCameras({ signal, interfaces: loopback, waitMs: 700, ...options }))

test('cameras are found by multicast, each once, with what their scopes say', async () => {
  const { cameras, port } = await startResponder('CAM-1', 'CAM-2')
  const found = await search({ port })
  expect(found.map(({ endpointReference }) => endpointReference).sort()).toEqual(
    cameras.map(({ endpointId }) => `urn:uuid:${endpointId}`).sort(),
  )
  const [first] = cameras
  expect(found.find(({ endpointReference }) => endpointReference === `urn:uuid:${first?.endpointId}`)).toMatchObject({
    addresses: [`http://127.0.0.1:${first?.port}`],
    answeredFrom: ['127.0.0.1'],
    macAddress: first?.scopes
      .find((scope) => scope.includes('MacAddress'))
      ?.split('/')
      .at(-1),
  })
})

test('a camera is found by a question to its address alone', async () => {
  const { port } = await startResponder('CAM-1')
  expect(await collect(searchCameraAt('127.0.0.1', { signal, port, waitMs: 500 }))).toHaveLength(1)
})

test('a question that is lost is repeated, under the same id', async () => {
  const ids: string[] = []
  const socket = createSocket('udp4')
  onTestFinished(() => void socket.close())
  socket.on('message', (bytes) => {
    const text = bytes.toString()
    if (text.includes('tds:Device')) ids.push(/urn:uuid:([0-9a-f-]+)/.exec(text)?.[1] ?? '')
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  expect(await collect(searchCameraAt('127.0.0.1', { signal, port, waitMs: 600, random: () => 0 }))).toEqual([])
  expect(ids).toHaveLength(2)
  expect(new Set(ids).size).toBe(1)
})

test('what answers with garbage neither ends the search nor hides a camera', async () => {
  const { port } = await startResponder('CAM-1')
  const noise = createSocket({ type: 'udp4', reuseAddr: true })
  onTestFinished(() => void noise.close())
  noise.on('message', (bytes, from) => {
    const id = /urn:uuid:([0-9a-f-]+)/.exec(bytes.toString())?.[1]
    for (const text of [
      '',
      '<',
      `<Envelope><Header><RelatesTo>${id}</RelatesTo></Header><Body><ProbeMatches><ProbeMatch><Types>x:NetworkVideoTransmitter</Types><XAddrs>ht!tp://[</XAddrs></ProbeMatch></ProbeMatches></Body></Envelope>`,
      `ProbeMatches${'<a>'.repeat(9_000)}`,
    ]) {
      noise.send(text, from.port, from.address)
    }
  })
  noise.bind(port, () => noise.addMembership('239.255.255.250', '127.0.0.1'))
  await once(noise, 'listening')
  const found = await search({ port })
  expect(found.filter(({ endpointReference }) => endpointReference !== null)).toHaveLength(1)
})

test('the signal ends a search with its reason, and a reader that stops leaves nothing open', async () => {
  const stop = new AbortController()
  const searching = search({ port: 9, waitMs: 60_000, signal: stop.signal })
  stop.abort(new Error('enough'))
  await expect(searching).rejects.toThrow('enough')
  const { port } = await startResponder('CAM-1')
  for await (const camera of searchCameras({ signal, interfaces: loopback, waitMs: 60_000, port })) {
    expect(camera.addresses).toHaveLength(1)
    break
  }
})

test('a machine without a usable interface is told so', async () => {
  await expect(search({ interfaces: {}, waitMs: 50 })).rejects.toMatchObject({ code: 'unreachable' })
})

test('a range of addresses is asked over HTTP and HTTPS without a login', async () => {
  const plain = await startCamera({ deviceId: 'CAM-1', clockOffsetMs: 3_600_000 })
  const secure = await startCamera({ deviceId: 'CAM-2', https: true })
  const raw = await startRawCamera(() => ({ status: 200, body: '<html>A printer.</html>' }))
  const ranges = readAddressRanges(
    [plain.port, secure.port, new URL(raw.address).port].map((port) => `127.0.0.1:${port}`),
  )
  let asked = 0
  const found: CameraAtAddress[] = []
  for await (const camera of findCamerasByAddress(ranges, { signal, onAsked: () => asked++ })) found.push(camera)
  const at = (address: string) => found.find((camera) => camera.address === address)
  expect([found.length, asked]).toEqual([2, 3])
  expect(at(`https://127.0.0.1:${secure.port}`)).toMatchObject({ endpointReference: `urn:uuid:${secure.endpointId}` })
  expect(at(`http://127.0.0.1:${plain.port}`)).toMatchObject({
    hasAppManagement: true,
    information: null,
    needsFirstPassword: false,
  })
  expect(Math.abs((at(`http://127.0.0.1:${plain.port}`)?.clockOffsetMs ?? 0) - 3_600_000)).toBeLessThan(2_000)
  expect([plain.refusedLogins, secure.refusedLogins]).toEqual([0, 0])
})

const envelope = (body: string): RawReply => ({
  body: `<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope"><S:Body>${body}</S:Body></S:Envelope>`,
})

test.each<[string, RawAnswer]>([
  ['a web page', () => ({ body: '<html>A printer.</html>' })],
  ['a page that asks for a login', () => ({ status: 401, headers: { 'WWW-Authenticate': 'Basic realm="router"' } })],
  ['a way elsewhere', () => ({ status: 302, headers: { Location: 'http://192.0.2.1/' } })],
  ['nothing', () => undefined],
  ['a document type', () => ({ body: '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>' })],
  ['three megabytes', () => ({ body: 'x'.repeat(3_000_000) })],
  ['bytes', () => ({ body: Buffer.from([0xff, 0xfe, 0x00, 0x3c, 0x80]) })],
  ['another service', () => envelope('<GetColourResponse/>')],
])('%s at an address is no camera and no error', async (_what, answer) => {
  const { address } = await startRawCamera(answer)
  expect(await describeCamera([address], { signal })).toBeNull()
})

test('a camera that answers nonsense to all but its services is described by what it does say', async () => {
  const { address, requests } = await startRawCamera(({ operation }) => {
    if (operation !== 'GetServices') return operation === 'GetUsers' ? { status: 500 } : { body: '<a><b></a>' }
    return envelope(
      '<GetServicesResponse><Service><Namespace>\u0007x</Namespace><XAddr>//[</XAddr></Service></GetServicesResponse>',
    )
  })
  expect(await describeCamera([address], { signal })).toEqual({
    ...{ address, clockOffsetMs: null, endpointReference: null, hasAppManagement: false, formats: null },
    ...{ information: null, needsFirstPassword: null },
  })
  expect(requests.some(({ headers }) => headers.authorization !== undefined)).toBe(false)
})

test('an answer that never ends is given up', async () => {
  const server = createServer((_request, response) => void response.write('<'))
  const address = await listen(server)
  expect(await describeCamera([address], { signal, timeoutMs: 300 })).toBeNull()
})

test('nobody at the addresses is no error', async () => {
  expect(await describeCamera(['http://127.0.0.1:9'], { signal })).toBeNull()
})
