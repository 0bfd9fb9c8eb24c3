import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import type { SimulatedAxisCamera } from '@ocelli/camera-sim'
import { createSystemClock, type DiscoverOptions, type Finding } from '@ocelli/driver'
import makeMdns from 'multicast-dns'
import { expect, onTestFinished, test } from 'vitest'
import { lifeTimings } from '../src/app-life.ts'
import { discoverVapix } from '../src/discovery/discover-vapix.ts'
import { hearAnnouncements } from '../src/discovery/hear-announcements.ts'
import { installTimings } from '../src/install-app.ts'
import { quickDriver, startAxis } from './axis-harness.ts'

const loopback = Object.fromEntries(
  Object.entries(networkInterfaces()).map(([name, infos]) => [
    name,
    infos?.filter(({ address }) => address === '127.0.0.1'),
  ]),
)

async function startCamera(...given: Parameters<typeof startAxis>) {
  const camera = await startAxis(...given)
  onTestFinished(() => camera.close())
  return camera
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}

/** Answers multicast DNS for cameras on the loopback interface. */
async function answerMdns(port: number, cameras: SimulatedAxisCamera[]): Promise<void> {
  const mdns = makeMdns({ port, interface: '127.0.0.1', bind: '0.0.0.0' })
  onTestFinished(() => mdns.destroy())
  await once(mdns, 'ready')
  mdns.on('query', ({ questions }, from) => {
    if (questions[0]?.name !== '_axis-video._tcp.local') return
    for (const camera of cameras) {
      const name = `AXIS ${camera.model} - ${camera.deviceId}._axis-video._tcp.local`
      const answers = [
        { type: 'PTR' as const, name: '_axis-video._tcp.local', data: name },
        { type: 'SRV' as const, name, data: { port: camera.port, target: 'axis.local' } },
        { type: 'TXT' as const, name, data: `macaddress=${camera.deviceId}` },
      ]
      mdns.respond({ answers }, from)
    }
  })
}

/** Answers SSDP with that serial number. */
async function answerSsdp(serialNumber: string): Promise<number> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true }).bind(0, '0.0.0.0')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  socket.addMembership('239.255.255.250', '127.0.0.1')
  socket.on('message', (question, from) => {
    if (!question.toString().includes('ST: urn:axis-com:service:BasicService:1')) return
    const usn = `uuid:Upnp-BasicDevice-1_0-${serialNumber}::urn:axis-com:service:BasicService:1`
    socket.send(`HTTP/1.1 200 OK\r\nUSN: ${usn}\r\n\r\n`, from.port, from.address)
  })
  return socket.address().port
}

async function collect(found: AsyncIterable<Finding>): Promise<Finding[]> {
  const all: Finding[] = []
  for await (const finding of found) all.push(finding)
  return all
}

const base = () => ({ signal: AbortSignal.timeout(10_000), multicast: false, ranges: [] as string[] })

function discover(given: Partial<DiscoverOptions>, ports: { mdns: number; ssdp: number }) {
  const settings = {
    ...{ clock: createSystemClock(), now: () => Date.now(), random: (size: number) => new Uint8Array(size) },
    ...{ install: installTimings, life: lifeTimings, hear: { ports, interfaces: loopback } },
  }
  return collect(discoverVapix({ ...base(), multicast: true, waitMs: 600, ...given }, settings))
}

test('cameras are found by multicast DNS, each once, with what they show without a login', async () => {
  const first = await startCamera()
  const second = await startCamera({ serialNumber: 'B8A44F000002', needsSetup: true })
  const mdns = await freeUdpPort()
  await answerMdns(mdns, [first, second])
  const found = await discover({}, { mdns, ssdp: await freeUdpPort() })
  expect(found).toHaveLength(2)
  expect(found.find(({ serialNumber }) => serialNumber === first.deviceId)).toMatchObject({
    ...{ addresses: [first.url], answeredFrom: ['127.0.0.1'], manufacturer: 'AXIS', model: 'P3265-V' },
    ...{ firmwareVersion: first.osVersion, macAddress: 'AC:CC:8E:12:34:56', needsFirstPassword: false },
    ...{ deviceId: null, drivers: ['vapix'], foundBy: ['mdns'] },
  })
  expect(found.find(({ serialNumber }) => serialNumber === second.deviceId)?.needsFirstPassword).toBe(true)
  expect([...first.requests, ...second.requests].every(({ credentials }) => credentials === 'none')).toBe(true)
})

test('a camera that answers SSDP and nothing else is told with what it said', async () => {
  const ssdp = await answerSsdp('00408CA45086')
  const found = await discover({}, { mdns: await freeUdpPort(), ssdp })
  expect(found).toMatchObject([{ serialNumber: '00408CA45086', foundBy: ['ssdp'], addresses: ['http://127.0.0.1'] }])
})

test('a camera that was found by multicast is not asked again in a range', async () => {
  const camera = await startCamera()
  const mdns = await freeUdpPort()
  await answerMdns(mdns, [camera])
  const progress: number[] = []
  const ranges = [`127.0.0.1:${camera.port}`]
  const onProgress = ({ asked }: { asked: number }) => progress.push(asked)
  const found = await discover({ ranges, onProgress }, { mdns, ssdp: await freeUdpPort() })
  expect(found).toMatchObject([{ foundBy: ['mdns'] }])
  expect(progress).toEqual([1])
})

test('a range is asked address by address, and what is no Axis camera is passed over', async () => {
  const camera = await startCamera({ https: true })
  const old = await startCamera({ os: '5', serialNumber: '00408C000001' })
  const ranges = [
    `https://127.0.0.1:${camera.port}`,
    `http://127.0.0.1:${old.port}`,
    `127.0.0.1:${await freeUdpPort()}`,
  ]
  const found = await collect(quickDriver.discover?.({ ...base(), ranges }) ?? (async function* () {})())
  expect(found.map(({ serialNumber, foundBy }) => [serialNumber, foundBy.join()])).toEqual(
    expect.arrayContaining([
      ['ACCC8E123456', 'address'],
      ['00408C000001', 'address'],
    ]),
  )
  expect(found).toHaveLength(2)
})

test('a range that is none is told before anything is asked', () => {
  expect(() => quickDriver.discover?.({ ...base(), ranges: ['192.0.2.0/99'] })).toThrow(RangeError)
})

test('a stop ends the search', async () => {
  const stopping = discover(
    { signal: AbortSignal.timeout(50) },
    { mdns: await freeUdpPort(), ssdp: await freeUdpPort() },
  )
  await expect(stopping).rejects.toMatchObject({ name: 'TimeoutError' })
})

test('an address that goes while sockets are opened on it leaves none of them open', async () => {
  const [[name = '', infos = []] = []] = Object.entries(loopback).filter(([, found]) => found?.length)
  const gone = infos.map((info) => ({ ...info, address: '192.0.2.1' }))
  let looks = 0
  const interfaces = {
    get [name]() {
      looks += 1
      return looks === 1 ? infos : gone
    },
  }
  const open = () => process.getActiveResourcesInfo().filter((kind) => kind === 'UDPWrap').length
  await expect.poll(open, { timeout: 10_000 }).toBe(0)
  const options = { signal: new AbortController().signal, waitMs: 0, interfaces }
  await expect(hearAnnouncements({ ...options, ports: { mdns: await freeUdpPort(), ssdp: 1900 } })).rejects.toThrow(
    'multicast',
  )
  expect(looks).toBeGreaterThan(1)
  await expect.poll(open, { timeout: 10_000 }).toBe(0)
})
