import type { DeviceFacts } from '@ocelli/contract'
import { type CameraTarget, type Driver, DriverError, type DriverModule, type ProbeResult } from '@ocelli/driver'

export interface ScriptedCamera {
  deviceId: string
  password: string
  certificateSha256: string
  probe: Partial<ProbeResult>
  facts: Partial<DeviceFacts>
  refusedLogins: number
  refusesPassword?: boolean
  /** Nothing answers any more once it was sent a new password. */
  isSilentAfterPassword?: boolean
}

const noFacts = { manufacturer: null, model: null, serialNumber: null, macAddress: null }

/** A protocol whose cameras answer at the addresses of the map; it knows only what adding a camera asks. */
export function createScriptedDriver(network: Map<string, ScriptedCamera>): DriverModule & { asked: string[] } {
  const asked: string[] = []
  const reach = ({ address }: CameraTarget): ScriptedCamera => {
    const camera = network.get(address)
    if (!camera) throw new DriverError('unreachable', `Nothing answers at ${address}.`)
    return camera
  }

  function open(target: CameraTarget): Driver {
    const login = (): ScriptedCamera => {
      const camera = reach(target)
      if (target.address.startsWith('https:') && target.tls.pinnedSha256 !== camera.certificateSha256) {
        throw new DriverError('certificate-changed', 'The certificate of the camera is another one.')
      }
      if (target.credentials?.password === camera.password) return camera
      camera.refusedLogins += 2
      throw new DriverError('credentials-refused', 'The camera refused the user name or the password.')
    }
    const unused = () => Promise.reject(new Error('Nobody calls this to add a camera.'))
    return {
      name: 'onvif',
      capabilities: { downgrade: 'NONE' },
      readIdentity: async () => ({ deviceId: login().deviceId, source: 'onvif:GetDeviceId' }),
      async setPassword({ password, beforeSending }) {
        const camera = login()
        await beforeSending()
        if (camera.refusesPassword) throw new DriverError('password-refused', `No: ${password} is too weak.`)
        camera.password = password
        if (camera.isSilentAfterPassword) network.clear()
        reach(target)
      },
      readFacts: async () => ({
        ...{ ...noFacts, firmwareVersion: null, architecture: null, platformLevel: null, appFormats: ['apk'] },
        ...login().facts,
      }),
      ...{ readClockOffset: unused, listApps: unused, install: unused, placeLicense: unused },
      ...{ start: unused, stop: unused, uninstall: unused, watch: () => null, close: async () => undefined },
      certificate: () => null,
    }
  }

  return {
    asked,
    name: 'onvif',
    open,
    async createFirstUser(target) {
      const camera = reach(target)
      const isOther = target.tls.pinnedSha256 !== camera.certificateSha256
      if (target.address.startsWith('https:') && isOther) throw new DriverError('certificate-changed', 'Another one.')
      camera.password = target.credentials?.password ?? ''
      camera.probe = { ...camera.probe, needsFirstPassword: false }
    },
    async probe(target) {
      asked.push(target.address)
      const { certificateSha256, probe } = reach(target)
      const isSecure = target.address.startsWith('https:')
      const certificate = isSecure ? { sha256: certificateSha256, expiresAt: '2030-01-01T00:00:00Z' } : null
      const words = { speaks: true, runsApps: true, detail: 'It can run apps over ONVIF.', clockOffsetMs: 0 }
      return { ...words, manufacturer: null, model: null, certificate, ...probe }
    },
  }
}
