import type { RemoteInfo } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { bindMulticast, ownAddresses } from '../../discovery/multicast-socket.ts'
import type { SimulatedAxisCamera } from '../simulated-axis-camera.ts'
import { type DnsQuestion, type DnsRecord, readQuery, types, writeReply } from './dns-message.ts'

export interface AnnouncerOptions {
  cameras: readonly SimulatedAxisCamera[]
  port: number
  family: 'IPv4' | 'IPv6'
  interfaceAddress: string | undefined
}

export interface Announcer {
  readonly port: number
  /** Says goodbye for all cameras and ends. */
  close(): Promise<void>
}

const groups = { IPv4: '224.0.0.251', IPv6: 'ff02::fb' }
const service = '_axis-video._tcp.local'
const serviceTypes = '_services._dns-sd._udp.local'
// RFC 6762 section 10: two minutes for what names a host, 75 for the rest.
const hostSeconds = 120
const serviceSeconds = 4500

/** Answers DNS service discovery by multicast for many cameras on one socket. */
export async function startMdns({ cameras, port, family, interfaceAddress }: AnnouncerOptions): Promise<Announcer> {
  const group = groups[family]
  const socket = await bindMulticast({ port, group, family, interfaceAddress })
  const boundPort = socket.address().port
  // A datagram that cannot be sent is a lost one.
  const send = (message: Buffer, to: { port: number; address: string }) =>
    new Promise<void>((resolve) => socket.send(message, to.port, to.address, () => resolve()))
  const toGroup = (message: Buffer) => send(message, { port: boundPort, address: group })

  function answer(message: Buffer, from: RemoteInfo): void {
    const query = readQuery(message)
    if (query === null) return
    // RFC 6762 section 6.7: who asks from another port knows plain DNS only.
    const isPlain = from.port !== boundPort
    for (const question of query.questions) {
      for (const camera of cameras.filter(({ isUp }) => isUp)) {
        const records = recordsOf(camera)
        const answers = records.filter((record) => isAsked(record, question))
        if (answers.length === 0) continue
        const reply = writeReply({
          id: isPlain ? query.id : 0,
          questions: isPlain ? [question] : [],
          answers,
          additional: records.filter((record) => !answers.includes(record) && record.name !== serviceTypes),
        })
        void (isPlain || question.isUnicast ? send(reply, from) : toGroup(reply))
      }
    }
  }

  const announce = (camera: SimulatedAxisCamera) => tell(recordsOf(camera))
  const tell = (answers: readonly DnsRecord[]) => toGroup(writeReply({ id: 0, questions: [], answers, additional: [] }))
  socket.on('message', answer)
  const unsubscribe = cameras.map((camera) => camera.onUp(() => void announce(camera)))
  for (const camera of cameras) void announce(camera)

  return {
    port: boundPort,
    async close() {
      for (const stop of unsubscribe) stop()
      const gone = (record: DnsRecord) => ({ ...record, seconds: 0 })
      await Promise.all(cameras.map((camera) => tell(recordsOf(camera).map(gone))))
      await new Promise<void>((resolve) => socket.close(resolve))
    },
  }
}

function isAsked(record: DnsRecord, { name, type }: DnsQuestion): boolean {
  return record.name.toLowerCase() === name.toLowerCase() && (type === types.any || type === types[record.kind])
}

function recordsOf(camera: SimulatedAxisCamera): DnsRecord[] {
  const { deviceId, model, port } = camera
  const instance = `AXIS ${model} - ${deviceId}.${service}`
  const host = `axis-${deviceId.toLowerCase()}.local`
  const { hostname } = new URL(camera.url)
  const all = hostname === '0.0.0.0' || hostname === '[::]' ? ownAddresses(hostname === '[::]') : [hostname]
  const addresses = all.map((address) => address.replace(/^\[|\]$/g, ''))
  return [
    { kind: 'ptr', name: service, target: instance, seconds: serviceSeconds },
    { kind: 'ptr', name: serviceTypes, target: service, seconds: serviceSeconds },
    { kind: 'srv', name: instance, target: host, port, seconds: hostSeconds },
    { kind: 'txt', name: instance, texts: [`macaddress=${deviceId}`], seconds: serviceSeconds },
    ...addresses.map(
      (address): DnsRecord => ({ kind: isIPv6(address) ? 'aaaa' : 'a', name: host, address, seconds: hostSeconds }),
    ),
  ]
}
