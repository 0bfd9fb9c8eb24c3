import type { DeviceFacts } from '@ocelli/contract'
import {
  type CameraTarget,
  type Driver,
  DriverError,
  type DriverModule,
  type Finding,
  type InstalledApp,
  type LocalPackage,
} from '@ocelli/driver'
import type { Clock } from '../../src/state/clock.ts'
import { listedApp, type ScriptedCamera, type WriteName } from './scripted-camera.ts'

const facts: DeviceFacts = {
  manufacturer: 'Ocelli',
  model: 'Scripted',
  serialNumber: '1',
  macAddress: null,
  firmwareVersion: '1.0',
  architecture: 'aarch64',
  platformLevel: 29,
  appFormats: ['apk'],
}

/** A protocol whose cameras answer at the addresses of the map. */
export function createScriptedProtocol(network: Map<string, ScriptedCamera>, clock: Clock): DriverModule {
  return {
    name: 'onvif',
    async probe(target, { signal }) {
      const camera = await reach(network, target, { clock, signal })
      camera.probes++
      const nothing = { manufacturer: null, model: null, clockOffsetMs: null, certificate: null }
      return { speaks: true, runsApps: true, detail: 'A camera.', ...nothing }
    },
    async *discover({ multicast, ranges, skip = () => false, signal }) {
      await clock.sleep(4_000, signal)
      for (const [address, camera] of network) {
        const { hostname } = new URL(address)
        const isAsked = ranges.includes(hostname) || ranges.includes(rangeOf(hostname))
        if (!camera.isReachable || !(isAsked || (multicast && !camera.isBehindRouter))) continue
        if (!skip(address)) camera.asked++
        yield { ...shownBy(camera), addresses: [address] }
      }
    },
    open(target) {
      const camera = network.get(target.address)
      if (camera) camera.opened++
      return createDriver(network, target, clock)
    },
  }
}

const rangeOf = (hostname: string) => hostname.replace(/\d+$/, '0/24')

function shownBy(camera: ScriptedCamera): Finding {
  return {
    ...{ addresses: [], answeredFrom: [], manufacturer: 'Ocelli', model: 'Scripted', firmwareVersion: null },
    ...{ serialNumber: null, macAddress: null, endpointReference: null, deviceId: null, runsApps: true },
    ...{ needsFirstPassword: false, clockOffsetMs: 0, drivers: ['onvif'], foundBy: ['ws-discovery'] },
    ...camera.shows,
  }
}

async function reach(
  network: Map<string, ScriptedCamera>,
  target: CameraTarget,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<ScriptedCamera> {
  await clock.sleep(5, signal)
  const camera = network.get(target.address)
  if (!camera?.isReachable) throw new DriverError('unreachable', `Nothing answers at ${target.address}.`)
  const { pinnedSha256 } = target.tls
  if (pinnedSha256 !== null && pinnedSha256 !== camera.certificateSha256) {
    throw new DriverError('certificate-changed', 'The certificate is not the pinned one.')
  }
  return camera
}

function createDriver(network: Map<string, ScriptedCamera>, target: CameraTarget, clock: Clock): Driver {
  let refusedLogins = 0
  let generation: number | null = null

  async function login(signal: AbortSignal): Promise<ScriptedCamera> {
    const camera = await reach(network, target, { clock, signal })
    generation ??= camera.generation
    if (generation !== camera.generation) throw new DriverError('bad-reply', 'This was not understood.')
    if (target.credentials?.password === camera.password) return camera
    await camera.duringRead('identity')
    // As the interface says: a refused login is tried twice at most and then thrown.
    camera.refusedLogins += camera.refusalCost
    refusedLogins += camera.refusalCost
    throw new DriverError('credentials-refused', 'The camera refused the user name or password.')
  }

  async function write(
    name: WriteName,
    words: string,
    options: { signal: AbortSignal; effect: (camera: ScriptedCamera) => void },
  ) {
    const { signal, effect } = options
    const camera = await login(signal)
    camera.writes.push(words)
    await camera.during({ write: name, when: 'before', signal })
    signal.throwIfAborted()
    effect(camera)
    await camera.during({ write: name, when: 'after', signal })
    signal.throwIfAborted()
    await reach(network, target, { clock, signal })
  }

  const change = (camera: ScriptedCamera, appId: string, changes: Partial<InstalledApp>) => {
    const app = camera.apps.get(appId)
    if (!app) throw new DriverError('app-not-found', `The camera has no app ${appId}.`)
    camera.apps.set(appId, { ...app, ...changes })
  }

  return {
    name: 'onvif',
    get capabilities() {
      return { downgrade: network.get(target.address)?.downgrade ?? 'NONE' }
    },
    get refusedLogins() {
      return refusedLogins
    },
    async setPassword({ password, beforeSending }, { signal }) {
      await login(signal)
      await beforeSending()
      const effect = (camera: ScriptedCamera) => {
        camera.password = password
      }
      await write('setPassword', 'password', { signal, effect })
    },
    async readIdentity({ signal }) {
      const camera = await login(signal)
      await camera.duringRead('identity')
      return { deviceId: camera.deviceId, source: 'onvif:GetDeviceId' }
    },
    readFacts: async ({ signal }) => ({ ...facts, serialNumber: (await login(signal)).deviceId.slice(0, 20) }),
    readEndpointReference: async ({ signal }) => (await login(signal)).shows.endpointReference ?? null,
    async readClockOffset({ signal }) {
      await reach(network, target, { clock, signal })
      return -2_000
    },
    async listApps({ signal }) {
      const camera = await login(signal)
      camera.looks++
      const apps = [...camera.apps.values()].map((app) => (camera.listsLicenses ? app : { ...app, licenses: [] }))
      await camera.duringRead('list')
      return apps
    },
    async install(localPackage: LocalPackage, { signal, onProgress, pace }) {
      const { appId, version } = localPackage
      await (await login(signal)).takePackage(async (bytes) => pace?.(bytes, signal), signal)
      await write('install', `install ${appId} ${version}`, {
        signal,
        effect(camera) {
          onProgress?.({ step: 'UPLOAD', percent: 100 })
          onProgress?.({ step: 'INSTALL', percent: null })
          const { licenses = [], version: before = null } = camera.apps.get(appId) ?? {}
          // versions of these tests sort as text
          if (before !== null && version < before && camera.downgrade !== 'IN_PLACE') {
            throw new DriverError('install-failed', `${version} is older than ${before}.`)
          }
          // ONVIF AppMgmt: an app that is updated goes to Inactive first.
          camera.apps.set(appId, listedApp(appId, { version, licenses }))
        },
      })
      return listedApp(appId, { version })
    },
    placeLicense: async ({ appId, license, placement }, { signal }) => {
      const place = placement ? ` to ${placement.kind}` : ''
      await write('placeLicense', `license ${appId} ${license}${place}`, {
        signal,
        effect: (camera) => change(camera, appId, { licenses: [{ name: license, validUntil: null }] }),
      })
      return { checkedBy: placement ? 'APP' : 'CAMERA' }
    },
    ...(network.get(target.address)?.takesLicenses
      ? {
          removeLicense: ({ appId, placement }, { signal }) =>
            write('removeLicense', `unlicense ${appId}${placement ? ` from ${placement.kind}` : ''}`, {
              signal,
              effect: (camera) => (placement ? undefined : change(camera, appId, { licenses: [] })),
            }),
        }
      : {}),
    start: (appId, { signal }) =>
      write('start', `start ${appId}`, { signal, effect: (camera) => change(camera, appId, { state: 'RUNNING' }) }),
    stop: (appId, { signal }) =>
      write('stop', `stop ${appId}`, { signal, effect: (camera) => change(camera, appId, { state: 'NOT_RUNNING' }) }),
    uninstall: (appId, { signal }) =>
      write('uninstall', `uninstall ${appId}`, {
        signal,
        effect(camera) {
          camera.apps.delete(appId)
          camera.configurations.delete(appId)
        },
      }),
    async saveConfiguration(appId, { signal }) {
      const configuration = (await login(signal)).configurations.get(appId)
      return configuration === undefined ? null : Buffer.from(configuration)
    },
    restoreConfiguration: ({ appId, configuration }, { signal }) =>
      write('restoreConfiguration', `configure ${appId} ${Buffer.from(configuration)}`, {
        signal,
        effect(camera) {
          if (camera.refusesConfiguration) throw new DriverError('refused', 'Another version wrote it.')
          camera.configurations.set(appId, `${Buffer.from(configuration)}`)
        },
      }),
    watch: () => null,
    certificate: () => ({ sha256: 'a'.repeat(64), expiresAt: '2030-01-01T00:00:00.000Z' }),
    close: async () => undefined,
  }
}
