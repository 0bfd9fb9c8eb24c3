import { onTestFinished } from 'vitest'
import { noMarks } from '../../src/cameras/camera-marks.ts'
import type { Camera } from '../../src/cameras/camera-store.ts'
import { createLoginDesk } from '../../src/cameras/login-desk.ts'
import { createPasswordChanges } from '../../src/cameras/password-changes.ts'
import { createRefusedLogins } from '../../src/cameras/refused-logins.ts'
import type { GatewayIdentity } from '../../src/platform/gateway-identity.ts'
import type { SealingKey } from '../../src/platform/sealing-key.ts'
import type { Log } from '../../src/state/log.ts'
import { createGateway } from '../../src/work/gateway.ts'
import { createMemoryCameras, createMemoryFolder, createScriptedPackages } from './memory-edge.ts'
import { createScriptedCamera, type ScriptedCamera } from './scripted-camera.ts'
import { createScriptedPlatform, desiredDevice, siteId } from './scripted-platform.ts'
import { createScriptedProtocol } from './scripted-protocol.ts'
import { createVirtualClock } from './virtual-clock.ts'

export const addressOf = (index: number) => `https://192.0.2.${index}`

export function cameraRecord(index: number, changes: Partial<Camera> = {}): Camera {
  return {
    ...{ deviceId: `camera-${index}`, identitySource: 'onvif:GetDeviceId', driver: 'onvif', siteId, name: null },
    ...{ address: addressOf(index), credentials: { user: 'root', password: 'correct' }, assignment: 1 },
    tls: { pinnedSha256: 'a'.repeat(64), allowLegacy: false },
    marks: noMarks,
    ...changes,
  }
}

/** Numbers that look random and are the same in every run. */
function createRandom(): () => number {
  let state = 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

/** Takes logins as they are: opening them takes real time, and has tests of its own. */
const openKey: SealingKey = {
  publicKey: { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) },
  open: async (sealed) => Buffer.from(sealed.split('.')[2] ?? '', 'base64url').toString(),
}

interface LogEntry {
  level: string
  fields: object
  message: string
}

/** A site of scripted cameras, a platform, and a gateway that can be killed and started again on the same folder. */
export function createSite({ cameraCount = 1, hasDesk = false } = {}) {
  const clock = createVirtualClock()
  const indices = Array.from({ length: cameraCount }, (_, index) => index + 1)
  const network = new Map<string, ScriptedCamera>(
    indices.map((index) => [addressOf(index), createScriptedCamera(`camera-${index}`)]),
  )
  const platform = createScriptedPlatform()
  for (const index of indices) platform.desired.set(`camera-${index}`, desiredDevice(`camera-${index}`, []))
  const stateFolder = createMemoryFolder()
  const cameras = createMemoryCameras(indices.map((index) => cameraRecord(index)))
  const packages = createScriptedPackages(clock)
  const logged: LogEntry[] = []
  const at = (level: string) => (fields: object, message: string) => {
    logged.push({ level, fields, message })
  }
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  const drivers = { onvif: async () => createScriptedProtocol(network, clock) }
  /** What comes up for new passwords and other logins. */
  async function openDesk() {
    const passwords = await createPasswordChanges({
      ...{ folder: stateFolder, cameras, drivers, clock, log },
      refused: createRefusedLogins({ folder: stateFolder, clock }),
    })
    const api = { claim: () => Promise.reject(new Error('Nothing is claimed here.')) }
    const identity = () => ({ gatewayId: 'gateway-1', siteId }) as GatewayIdentity
    const common = { key: openKey, identity, folder: stateFolder, cameras, passwords, api, drivers, clock, log }
    return { passwords, loginDesk: createLoginDesk(common) }
  }

  let running: { stop: AbortController; ended: Promise<void> } | null = null

  const site = {
    ...{ clock, network, platform, stateFolder, cameras, packages, drivers, logged },
    camera(index = 1): ScriptedCamera {
      const camera = network.get(addressOf(index))
      if (!camera) throw new Error(`There is no camera ${index}.`)
      return camera
    },
    start(): void {
      const stop = new AbortController()
      const options = { stateFolder, channel: platform.channel, cameras, packages, drivers, clock, log, version: '0' }
      platform.connect()
      const run = (desk = {}) => createGateway({ ...options, ...desk, random: createRandom() }).run(stop.signal)
      running = { stop, ended: hasDesk ? openDesk().then(run) : run() }
    },
    /** Kills the gateway where it stands; resolves when its promise has. */
    async stop(): Promise<void> {
      const stopping = running
      running = null
      if (!stopping) return
      platform.disconnect()
      stopping.stop.abort(new Error('stopped by the test'))
      let hasEnded = false
      void stopping.ended.finally(() => {
        hasEnded = true
      })
      await clock.until(() => hasEnded, { withinMs: 5_000, what: 'the end of the gateway' })
      await stopping.ended
    },
    /** The phase that the platform knows, with the error's code when there is one. */
    phase(deviceId = 'camera-1', id = 'com.example.counter'): string {
      const work = platform.work(deviceId, id)
      return work ? `${work.phase}${work.error ? ` ${work.error.code}` : ''}` : 'none'
    },
    untilSettled(deviceId = 'camera-1', id = 'com.example.counter', revision?: number): Promise<void> {
      return clock.until(
        () => {
          const work = platform.work(deviceId, id)
          const isRevision = revision === undefined || work?.revision === revision
          return isRevision && (work?.phase === 'CONVERGED' || work?.phase === 'FAILED')
        },
        { withinMs: 4 * 3_600_000, what: `${deviceId} ${id} settled` },
      )
    },
  }
  onTestFinished(() => site.stop())
  return site
}

export type Site = ReturnType<typeof createSite>
