import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { type SimulatedAxisCamera, startAxisDiscovery } from '../src/index.ts'
import { axisFetch, root, serialNumber, startAxis } from './axis-client.ts'
import { send, sendWithDigest, soapRequest } from './raw-client.ts'

const interfaceAddress = '127.0.0.1'

async function begin(cameras: SimulatedAxisCamera[]) {
  const discovery = await startAxisDiscovery({
    cameras,
    interfaceAddress,
    ports: { mdns: 0, ssdp: 0, wsDiscovery: 0 },
  })
  onTestFinished(() => discovery.close())
  return discovery.ports
}

/** Sends datagrams and gives the answers that come until there are so many. */
async function ask(port: number | null, messages: (Buffer | string)[], count = 1): Promise<Buffer[]> {
  const socket = createSocket('udp4')
  onTestFinished(() => void socket.close())
  const answers: Buffer[] = []
  socket.on('message', (bytes) => answers.push(bytes))
  socket.bind(0, interfaceAddress)
  await once(socket, 'listening')
  for (const message of messages) socket.send(message, port ?? 0, interfaceAddress)
  await expect.poll(() => answers.length, { timeout: 5000 }).toBeGreaterThanOrEqual(count)
  return answers
}

const label = (text: string) => Buffer.concat([Buffer.of(text.length), Buffer.from(text)])
const question = (name: string, type: number, id = 7) =>
  Buffer.concat([
    Buffer.from([0, id, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ...name.split('.').map(label),
    Buffer.from([0, 0, type, 0, 1]),
  ])

test('mDNS answers with name, address, port and MAC address, to a question of plain DNS as well', async () => {
  const camera = await startAxis()
  const { mdns } = await begin([camera])
  const [answer] = await ask(mdns, [question('_axis-video._tcp.local', 12)])
  expect(answer?.subarray(0, 4)).toEqual(Buffer.from([0, 7, 0x84, 0]))
  const text = answer?.toString('latin1') ?? ''
  expect(text).toContain('macaddress=ACCC8E000001')
  expect(text).toContain('AXIS P3265-V - ACCC8E000001')
  expect(answer?.includes(Buffer.from([127, 0, 0, 1]))).toBe(true)
  expect(answer?.includes(Buffer.from([0, 0, 0, 0, camera.port >> 8, camera.port & 0xff]))).toBe(true)
})

test('mDNS is silent about other services, and survives what is no question', async () => {
  const { mdns } = await begin([await startAxis(), await startAxis({ serialNumber: 'ACCC8E000002' })])
  const broken = Buffer.from([0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0xc0, 12])
  const other = question('_http._tcp.local', 12, 8)
  const answers = await ask(mdns, [broken, Buffer.from('?'), other, question('_AXIS-video._tcp.LOCAL', 255, 9)], 2)
  // Datagrams on loopback keep their order, so what came first was answered, if at all, before these.
  expect(answers.map((answer) => answer.readUInt16BE(0))).toEqual([9, 9])
})

test('SSDP answers searches with an address that describes the camera', async () => {
  const camera = await startAxis()
  const { ssdp } = await begin([camera])
  const search = (target: string) =>
    ['M-SEARCH * HTTP/1.1', 'HOST: 239.255.255.250:1900', 'Man:"ssdp:discover"', 'MX:3', `ST:${target}`, '', ''].join(
      '\r\n',
    )
  const [answer] = await ask(ssdp, [search('urn:axis-com:service:BasicService:1')])
  const text = answer?.toString() ?? ''
  expect(text).toContain('USN: uuid:Upnp-BasicDevice-1_0-ACCC8E000001::urn:axis-com:service:BasicService:1\r\n')
  const location = /LOCATION: (.*)\r\n/.exec(text)?.[1] ?? ''
  expect(location).toBe(`http://127.0.0.1:${camera.port}/rootdesc1.xml`)
  const description = await (await fetch(location)).text()
  expect(description).toContain('<manufacturer>AXIS</manufacturer>\n<modelName>AXIS P3265-V</modelName>')
  expect(description).toContain('<serialNumber>ACCC8E000001</serialNumber>')
  expect(await ask(ssdp, [search('ssdp:all')], 3)).toHaveLength(3)
})

test('WS-Discovery tells the address of the device service', async () => {
  const camera = await startAxis()
  const { wsDiscovery } = await begin([camera])
  const probe = `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
    xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><e:Header><a:MessageID>uuid:1</a:MessageID>
    <a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>
    <a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action></e:Header><e:Body><d:Probe/></e:Body></e:Envelope>`
  const [answer] = await ask(wsDiscovery, [probe])
  expect(answer?.toString()).toContain(`http://127.0.0.1:${camera.port}/onvif/device_service`)
  expect(answer?.toString()).toContain('onvif://www.onvif.org/hardware/P3265-V')
})

test('ONVIF has users of its own and no application management', async () => {
  const onvifUser = { user: 'onvif', password: 'onvif' }
  const camera = await startAxis({ onvifUsers: [{ ...onvifUser, group: 'administrator' }] })
  const services = soapRequest(
    'tds',
    '<tds:GetServices><tds:IncludeCapability>true</tds:IncludeCapability></tds:GetServices>',
  )
  const open = await send(camera, services)
  expect(open.body).toContain('/onvif/device_service')
  expect(open.body).not.toContain('/onvif/appmgmt')
  const information = soapRequest('tds', '<tds:GetDeviceInformation/>')
  expect((await sendWithDigest(camera, information, { login: root })).status).toBe(401)
  const known = await sendWithDigest(camera, information, { login: onvifUser })
  expect(known.body).toContain(`<tds:SerialNumber>${serialNumber}</tds:SerialNumber>`)
  expect((await axisFetch(camera, '/axis-cgi/applications/list.cgi', { login: onvifUser })).status).toBe(401)
})
