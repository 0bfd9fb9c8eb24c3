import { randomBytes } from 'node:crypto'
import {
  type DesiredDevice,
  type DeviceReport,
  type DownMessage,
  downTopic,
  type Enrollment,
  type UpMessage,
  upTopic,
  type Work,
} from '@ocelli/contract'
import { connect, type MqttClient } from 'mqtt'

/** Bytes of payload on the device channel, both ways. */
export interface ChannelTraffic {
  upBytes: number
  downBytes: number
}

interface Device {
  deviceId: string
  seq: number
  revision: number
  /** What is to be said and is not acknowledged yet. */
  report: DeviceReport | null
  asked: { appId: string; licenseId: string; work: Work } | null
  present: Map<string, string>
}

const reportsPerMessage = 200
const connectTimeoutMs = 60_000

export interface LoadGateway {
  welcomed: Promise<void>
  close(): Promise<void>
}

/**
 * Stands for one gateway over the true device channel: hello, reports by session and number until they are acknowledged,
 * a license asked for each first install. Its cameras take no time; some refuse every install.
 */
export function createLoadGateway(options: {
  enrollment: Enrollment
  privatePem: string
  deviceIds: string[]
  fails: (deviceId: string) => boolean
  traffic: ChannelTraffic
}): LoadGateway {
  const { enrollment, privatePem, fails, traffic } = options
  const { gatewayId, certificate, caCertificate, mqttUrl } = enrollment
  const devices = new Map(
    options.deviceIds.map((deviceId): [string, Device] => [
      deviceId,
      { deviceId, seq: 0, revision: 0, report: null, asked: null, present: new Map() },
    ]),
  )
  const welcomed = Promise.withResolvers<void>()
  const toSay = new Set<Device>()
  let session: number | null = null
  let connectionId = ''
  let isFlushing = false

  const client: MqttClient = connect(mqttUrl, {
    ...{ clientId: gatewayId, username: gatewayId, protocolVersion: 4, clean: true, keepalive: 120 },
    ...{ cert: certificate, key: privatePem, ca: caCertificate },
    ...{ connectTimeout: connectTimeoutMs, reconnectPeriod: 500, resubscribe: false, queueQoSZero: false },
  })
  // whoever is turned away, or loses the platform, comes again, as gateways do
  client.on('error', () => {})
  client.on('close', () => {
    session = null
  })
  client.on('connect', () => {
    client.subscribe(downTopic(gatewayId), { qos: 1 }, () => greet())
  })
  client.on('message', (_topic, payload) => {
    traffic.downBytes += payload.length
    receive(JSON.parse(payload.toString()) as DownMessage)
  })

  function greet(): void {
    session = null
    connectionId = randomBytes(8).toString('hex')
    const known = [...devices.values()].map(({ deviceId, revision }) => ({ deviceId, assignment: 1, revision }))
    say({ kind: 'hello', connectionId, version: 'bench', devices: known })
  }

  function say(message: UpMessage): void {
    const text = JSON.stringify(message)
    traffic.upBytes += text.length
    if (client.connected) client.publish(upTopic(gatewayId), text, { qos: 1 })
  }

  function receive(message: DownMessage): void {
    switch (message.kind) {
      case 'welcome':
        if (message.connectionId !== connectionId) return
        session = message.session
        welcomed.resolve()
        for (const device of devices.values()) {
          if (device.report) later(device)
          if (device.asked) askLicense(device)
        }
        return
      case 'hello-again':
        greet()
        return
      case 'desired':
        for (const wish of message.devices) take(wish)
        return
      case 'license':
        licensed(message.deviceId)
        return
      case 'ack':
        for (const { deviceId, seq } of message.acks) {
          const device = devices.get(deviceId)
          if (device?.report && device.report.seq <= seq) device.report = null
        }
        return
      case 'budgets':
      case 'unassigned':
        return
    }
  }

  function take(wish: DesiredDevice): void {
    const device = devices.get(wish.deviceId)
    if (!device) return
    const isKnown = wish.revision === device.revision
    device.revision = wish.revision
    if (isKnown && device.asked) {
      askLicense(device)
      return
    }
    for (const app of wish.apps) {
      const work = (phase: Work['phase']): Work => ({
        ...{ revision: app.revision, phase, step: phase === 'WORKING' ? 'INSTALL' : null },
        ...{ percent: null, stepSecondsLeft: phase === 'WORKING' ? 600 : null, error: null },
      })
      if (app.settled) {
        report(device, app.appId, null)
      } else if (app.presence === 'ABSENT') {
        device.present.delete(app.appId)
        report(device, app.appId, work('CONVERGED'))
      } else if (fails(device.deviceId)) {
        report(device, app.appId, { ...work('FAILED'), step: 'INSTALL', error: refusal() })
      } else if (app.license && !device.present.has(app.appId)) {
        report(device, app.appId, work('WORKING'))
        device.present.set(app.appId, app.package?.version ?? '')
        device.asked = { appId: app.appId, licenseId: app.license.licenseId, work: work('CONVERGED') }
        askLicense(device)
      } else {
        device.present.set(app.appId, app.package?.version ?? '')
        report(device, app.appId, work('CONVERGED'))
      }
    }
  }

  function askLicense({ deviceId, asked }: Device): void {
    if (!asked || session === null) return
    say({ kind: 'license-ask', session, deviceId, assignment: 1, appId: asked.appId, licenseId: asked.licenseId })
  }

  function licensed(deviceId: string): void {
    const device = devices.get(deviceId)
    if (!device?.asked) return
    const { appId, work } = device.asked
    device.asked = null
    report(device, appId, work)
  }

  function report(device: Device, appId: string, work: Work | null): void {
    device.seq += 1
    device.report = {
      ...{ deviceId: device.deviceId, assignment: 1, seq: device.seq, revision: device.revision },
      connectivity: {
        ...{ state: 'ONLINE', reason: null, detail: null, lastAnswerSecondsAgo: 0, clockOffsetSeconds: 0 },
        certificateExpiresAt: null,
      },
      ...{ address: null, facts: null },
      apps: [...device.present].map(([id, version]) => ({
        ...{ appId: id, name: 'Bench', present: true, version, runningState: 'NOT_RUNNING' as const },
        work: id === appId ? work : null,
      })),
      work: work ? [{ appId, ...work }] : [],
    }
    later(device)
  }

  /** What comes in one turn goes out in one message. */
  function later(device: Device): void {
    toSay.add(device)
    if (isFlushing) return
    isFlushing = true
    setImmediate(() => {
      isFlushing = false
      const reports = [...toSay].flatMap((one) => (one.report ? [one.report] : []))
      toSay.clear()
      if (session === null) return
      for (let at = 0; at < reports.length; at += reportsPerMessage) {
        say({ kind: 'report', session, reports: reports.slice(at, at + reportsPerMessage) })
      }
    })
  }

  // as gateways do: what is not acknowledged is said again, and the platform hears a sign of life
  const beat = setInterval(() => {
    if (session === null) return
    say({ kind: 'heartbeat', connectionId, session })
    for (const device of devices.values()) if (device.report) later(device)
  }, 10_000)

  return {
    welcomed: welcomed.promise,
    async close() {
      clearInterval(beat)
      await client.endAsync(true)
    },
  }
}

const refusal = () => ({
  ...{ category: 'refused-by-device' as const, code: 'signature-refused', detail: 'The camera refused the package.' },
  ...{ deviceCode: 'Error: 2', retryable: false, at: new Date().toISOString() },
})
