import { type CallOptions, type CameraTarget, type Driver, DriverError } from '@ocelli/driver'
import {
  type AppManagement,
  type CameraCertificate,
  createOnvifClient,
  isOnvifError,
  type OnvifClient,
  OnvifError,
} from '@ocelli/onvif'
import { startApp, stopApp, uninstallApp } from './app-orders.ts'
import { driverFailure, translated } from './driver-failure.ts'
import { DEFAULT_TIMING, type DriverTiming } from './driver-timing.ts'
import { installApp } from './install-app.ts'
import { isPresent, toAppFormats, toInstalledApp } from './installed-app.ts'

/** One camera over ONVIF. After a refused login it asks for nothing more that needs one. */
export function openOnvifDriver(target: CameraTarget, timing: DriverTiming = DEFAULT_TIMING): Driver {
  let certificate: CameraCertificate | null = null
  let hasEvents = true
  const closed = new AbortController()
  const client = createOnvifClient({
    address: target.address,
    credentials: target.credentials ?? undefined,
    tls: {
      pinnedSha256: target.tls.pinnedSha256 ?? undefined,
      allowLegacy: target.tls.allowLegacy,
      onCertificate: (seen) => {
        certificate = seen
      },
    },
  })

  const alive = ({ signal }: CallOptions) => AbortSignal.any([signal, closed.signal])

  async function apps(signal: AbortSignal): Promise<AppManagement> {
    const found = await translated('read', () => client.appManagement({ signal }))
    if (found !== null) return found
    throw new DriverError('unsupported', 'The camera has no Application Management service over ONVIF.')
  }

  async function orderContext(options: CallOptions) {
    const signal = alive(options)
    return { apps: await apps(signal), timing, signal }
  }

  async function* follow(signal: AbortSignal): AsyncGenerator<{ appId: string }> {
    try {
      for await (const { appId } of client.appStateEvents({ signal, pauseMs: timing.watchPauseMs })) yield { appId }
    } catch (error) {
      if (!(error instanceof OnvifError)) throw error
      if (error.code !== 'events-unsupported') throw driverFailure(error, 'read')
      hasEvents = false
    }
  }

  return {
    name: 'onvif',
    // Android refuses a lower version over a higher one.
    capabilities: { downgrade: false },
    async readIdentity(options) {
      const signal = alive(options)
      const management = await apps(signal)
      const deviceId = await translated('read', () => management.getDeviceId({ signal }))
      return { deviceId, source: 'onvif:GetDeviceId' }
    },
    async readFacts(options) {
      const signal = alive(options)
      return translated('read', async () => readFacts(client, await apps(signal), signal))
    },
    async readClockOffset(options) {
      const signal = alive(options)
      return translated('read', async () => (await client.getSystemDateAndTime({ signal })).offsetMs)
    },
    async listApps(options) {
      const signal = alive(options)
      const management = await apps(signal)
      const listed = await translated('read', () => management.getAppsInfo(undefined, { signal }))
      return listed.filter(isPresent).map(toInstalledApp)
    },
    async install(localPackage, options) {
      const signal = alive(options)
      return installApp(localPackage, { ...options, signal }, { client, apps: await apps(signal), timing })
    },
    async placeLicense({ appId, license }, options) {
      const signal = alive(options)
      const management = await apps(signal)
      await translated('license', () => management.installLicense({ appId, license }, { signal }))
    },
    start: async (appId, options) => startApp(appId, await orderContext(options)),
    stop: async (appId, options) => stopApp(appId, await orderContext(options)),
    uninstall: async (appId, options) => uninstallApp(appId, await orderContext(options)),
    watch: (options) => (hasEvents ? follow(alive(options)) : null),
    certificate: () => certificate && { sha256: certificate.sha256, expiresAt: certificate.expiresAt },
    async close() {
      closed.abort()
    },
  }
}

async function readFacts(
  client: OnvifClient,
  apps: AppManagement,
  signal: AbortSignal,
): ReturnType<Driver['readFacts']> {
  const information = await client.getDeviceInformation({ signal })
  const { formats } = await apps.getServiceCapabilities({ signal })
  return {
    manufacturer: information.manufacturer,
    model: information.model,
    serialNumber: information.serialNumber,
    macAddress: await readMacAddress(client, signal),
    firmwareVersion: information.firmwareVersion,
    // ONVIF has no words for these two.
    architecture: null,
    platformLevel: null,
    appFormats: toAppFormats(formats),
  }
}

// Worth having, and not offered by every camera.
async function readMacAddress(client: OnvifClient, signal: AbortSignal): Promise<string | null> {
  try {
    const interfaces = await client.getNetworkInterfaces({ signal })
    return interfaces.find(({ macAddress }) => macAddress !== null)?.macAddress ?? null
  } catch (error) {
    const isUnable = ['unsupported', 'rejected', 'bad-reply'].some((code) => isOnvifError(error) && error.code === code)
    if (isUnable) return null
    throw error
  }
}
