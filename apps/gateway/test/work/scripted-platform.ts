import {
  type DesiredApp,
  type DesiredDevice,
  type DeviceReport,
  DownMessage,
  type LicensePlacement,
  type UpMessage,
  UpMessage as UpMessageSchema,
  type Welcome,
  type Work,
} from '@ocelli/contract'
import { Value } from 'typebox/value'
import type { Channel, ConnectionState } from '../../src/channel/channel.ts'

/** The platform's end of the device channel, driven by a test. It applies reports by (session, seq) as the real one does. */
export interface ScriptedPlatform {
  channel: Channel
  session: number
  /** Everything that came up, in order. */
  received: UpMessage[]
  desired: Map<string, DesiredDevice>
  /** Newest applied report per device, and every one that was applied. */
  state: Map<string, DeviceReport>
  applied: DeviceReport[]
  sites: Welcome['sites']
  licensesAsked: string[]
  refuseLicense: string | null
  /** Where the app's listing says that its license goes. */
  placement: LicensePlacement | null
  /** False loses the message. */
  passesUp: (message: UpMessage) => boolean
  passesDown: (message: DownMessage) => boolean
  connect(): void
  disconnect(): void
  /** Sends the desired state of one device, whatever was sent before. */
  wish(device: DesiredDevice): void
  down(message: DownMessage): void
  work(deviceId: string, appId: string): (Work & { appId: string }) | undefined
}

export const siteId = '5172e000-0000-4000-8000-000000000001'
export const appId = 'com.example.counter'

export function packageOf(version: string, versionCode: number, size = 1_000_000) {
  const packageId = `00000000-0000-4000-8000-0000000000${versionCode}`
  return { packageId, format: 'apk' as const, version, versionCode, size, sha256: 'a'.repeat(64) }
}

export const licenseOf = (digit: number) => ({
  licenseId: `${digit}0000000-0000-4000-8000-000000000000`,
  licenseType: 'FULL' as const,
})

export function desiredApp(changes: Partial<DesiredApp> = {}): DesiredApp {
  return {
    ...{ appId, revision: 1, presence: 'PRESENT', package: packageOf('4.0.0', 22), running: null },
    ...{ license: licenseOf(1), allowDowngrade: false, settled: false },
    ...changes,
  }
}

export function desiredDevice(
  deviceId: string,
  apps: DesiredApp[],
  changes: Partial<DesiredDevice> = {},
): DesiredDevice {
  const revision = Math.max(0, ...apps.map((app) => app.revision))
  return { deviceId, assignment: 1, revision, siteId, apps, ...changes }
}

export function createScriptedPlatform(): ScriptedPlatform {
  let connection: ConnectionState = { connected: false, connectionId: null }
  let connections = 0
  const messageListeners = new Set<(message: DownMessage) => void>()
  const connectionListeners = new Set<(state: ConnectionState) => void>()

  function setConnection(next: ConnectionState): void {
    connection = next
    for (const listener of connectionListeners) listener(next)
  }

  function sendDown(message: DownMessage): void {
    if (!Value.Check(DownMessage, message)) throw new Error(`Not a message: ${JSON.stringify(message)}`)
    if (!connection.connected || !platform.passesDown(message)) return
    const copy = structuredClone(message)
    setImmediate(() => {
      for (const listener of messageListeners) listener(copy)
    })
  }

  function answer(message: UpMessage): void {
    if (message.kind === 'hello') {
      platform.session++
      const { connectionId } = message
      const assignments = [...platform.desired.values()].map(({ deviceId, assignment, revision }) => ({
        ...{ deviceId, assignment, revision },
      }))
      const { session, sites } = platform
      sendDown({ kind: 'welcome', connectionId, session, heartbeatSeconds: 30, assignments, sites })
      const devices = [...platform.desired.values()]
      if (devices.length > 0) sendDown({ kind: 'desired', session, devices })
      return
    }
    if (message.kind === 'gone') return
    if (message.session !== platform.session) {
      sendDown({ kind: 'hello-again', session: message.session })
      return
    }
    if (message.kind === 'report') apply(message.session, message.reports)
    if (message.kind === 'license-ask') {
      const { session, deviceId, licenseId } = message
      platform.licensesAsked.push(licenseId)
      const refused = platform.refuseLicense
      const license = refused === null ? `license-${licenseId.slice(0, 1)}` : null
      sendDown({
        kind: 'license',
        session,
        deviceId,
        appId: message.appId,
        licenseId,
        license,
        refused,
        placement: platform.placement,
      })
    }
  }

  const newest = new Map<string, [number, number]>()
  function apply(session: number, reports: DeviceReport[]): void {
    for (const report of reports) {
      const [lastSession, lastSeq] = newest.get(report.deviceId) ?? [-1, -1]
      if (session < lastSession || (session === lastSession && report.seq <= lastSeq)) continue
      newest.set(report.deviceId, [session, report.seq])
      platform.state.set(report.deviceId, report)
      platform.applied.push(report)
    }
    sendDown({ kind: 'ack', session, acks: reports.map(({ deviceId, seq }) => ({ deviceId, seq })) })
  }

  const channel: Channel = {
    get connection() {
      return connection
    },
    async publish(message) {
      if (!connection.connected) throw new Error('not connected')
      if (!Value.Check(UpMessageSchema, message)) throw new Error(`Not a message: ${JSON.stringify(message)}`)
      if (!platform.passesUp(message)) return
      const copy = structuredClone(message)
      platform.received.push(copy)
      answer(copy)
    },
    onMessage(listener) {
      messageListeners.add(listener)
      return () => messageListeners.delete(listener)
    },
    onConnection(listener) {
      connectionListeners.add(listener)
      return () => connectionListeners.delete(listener)
    },
    close: async () => setConnection({ connected: false, connectionId: null }),
  }

  const platform: ScriptedPlatform = {
    channel,
    session: 0,
    received: [],
    desired: new Map(),
    state: new Map(),
    applied: [],
    sites: [{ siteId, maxInFlight: 2, repair: 'request' }],
    licensesAsked: [],
    refuseLicense: null,
    placement: null,
    passesUp: () => true,
    passesDown: () => true,
    connect: () => setConnection({ connected: true, connectionId: `connection-${++connections}` }),
    disconnect: () => setConnection({ connected: false, connectionId: null }),
    wish(device) {
      platform.desired.set(device.deviceId, device)
      sendDown({ kind: 'desired', session: platform.session, devices: [device] })
    },
    down: sendDown,
    work: (deviceId, id) => platform.state.get(deviceId)?.work.find((work) => work.appId === id),
  }
  return platform
}
