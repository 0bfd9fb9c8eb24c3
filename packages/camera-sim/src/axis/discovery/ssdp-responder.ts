import type { RemoteInfo } from 'node:dgram'
import { bindMulticast, ownAddresses } from '../../discovery/multicast-socket.ts'
import type { SimulatedAxisCamera } from '../simulated-axis-camera.ts'
import type { Announcer, AnnouncerOptions } from './mdns-responder.ts'

const groups = { IPv4: '239.255.255.250', IPv6: 'ff02::c' }
const basicService = 'urn:axis-com:service:BasicService:1'
const targets = ['upnp:rootdevice', 'urn:schemas-upnp-org:device:Basic:1.0', basicService]
const server = 'Linux/3.4.0, UPnP/1.0, Portable SDK for UPnP devices/1.6.18'

/** Path of the description that answers lead to; real cameras serve it on port 49154, these on their own. */
export const descriptionPath = '/rootdesc1.xml'

/** Answers UPnP searches (SSDP) for many cameras on one socket. */
export async function startSsdp({ cameras, port, family, interfaceAddress }: AnnouncerOptions): Promise<Announcer> {
  const group = groups[family]
  const socket = await bindMulticast({ port, group, family, interfaceAddress })
  const boundPort = socket.address().port
  // A datagram that cannot be sent is a lost one.
  const send = (text: string, to: { port: number; address: string }) =>
    new Promise<void>((resolve) => socket.send(text, to.port, to.address, () => resolve()))
  const notify = (camera: SimulatedAxisCamera, kind: 'alive' | 'byebye') =>
    Promise.all(
      targets.map((target) => send(writeNotify(camera, { target, kind, group }), { port: boundPort, address: group })),
    )

  function answer(message: Buffer, from: RemoteInfo): void {
    const wanted = readSearch(message.toString('utf8'))
    if (wanted === null) return
    for (const camera of cameras.filter(({ isUp }) => isUp)) {
      for (const target of targets.filter((one) => wanted === 'ssdp:all' || wanted === one)) {
        void send(writeAnswer(camera, target), from)
      }
    }
  }

  socket.on('message', answer)
  const unsubscribe = cameras.map((camera) => camera.onUp(() => void notify(camera, 'alive')))
  for (const camera of cameras) void notify(camera, 'alive')

  return {
    port: boundPort,
    async close() {
      for (const stop of unsubscribe) stop()
      await Promise.all(cameras.map((camera) => notify(camera, 'byebye')))
      await new Promise<void>((resolve) => socket.close(resolve))
    },
  }
}

/** What a search asks for; null for anything else. */
function readSearch(text: string): string | null {
  const [first, ...lines] = text.split('\r\n')
  if (first !== 'M-SEARCH * HTTP/1.1') return null
  const header = (name: string) =>
    lines.find((line) => line.toLowerCase().startsWith(`${name}:`))?.slice(name.length + 1)
  return header('man')?.trim() === '"ssdp:discover"' ? (header('st')?.trim() ?? null) : null
}

const nameOf = ({ deviceId }: SimulatedAxisCamera, target: string) => `uuid:Upnp-BasicDevice-1_0-${deviceId}::${target}`

function locationOf(camera: SimulatedAxisCamera): string {
  const { protocol, hostname } = new URL(camera.url)
  const host = hostname === '0.0.0.0' || hostname === '[::]' ? ownAddresses(hostname === '[::]').at(-1) : hostname
  return `${protocol}//${host}:${camera.port}${descriptionPath}`
}

function writeAnswer(camera: SimulatedAxisCamera, target: string): string {
  return write('HTTP/1.1 200 OK', {
    'CACHE-CONTROL': 'max-age=1800',
    EXT: '',
    LOCATION: locationOf(camera),
    SERVER: server,
    ST: target,
    USN: nameOf(camera, target),
  })
}

function writeNotify(
  camera: SimulatedAxisCamera,
  { target, kind, group }: { target: string; kind: 'alive' | 'byebye'; group: string },
): string {
  return write('NOTIFY * HTTP/1.1', {
    HOST: `${group.includes(':') ? `[${group}]` : group}:1900`,
    ...(kind === 'alive' ? { 'CACHE-CONTROL': 'max-age=1800', LOCATION: locationOf(camera), SERVER: server } : {}),
    NT: target,
    NTS: `ssdp:${kind}`,
    USN: nameOf(camera, target),
  })
}

function write(first: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return [first, ...lines, '', ''].join('\r\n')
}
