import { type CallOptions, type CameraTarget, type Driver, type DriverClock, DriverError } from '@ocelli/driver'
import {
  type AppManagement,
  type CameraCertificate,
  createOnvifClient,
  isOnvifError,
  type NetworkInterface,
  type OnvifClient,
} from '@ocelli/onvif'
import { restoreConfiguration, saveConfiguration } from './app-configuration.ts'
import { type LifeTimings, type LifeTools, placeLicense, startApp, stopApp, uninstallApp } from './app-life.ts'
import { listInfos, toInstalledApp } from './app-list.ts'
import { toDriverError } from './driver-failure.ts'
import { type InstallTimings, installApp } from './install-app.ts'
import { appFormatsOf } from './package-format.ts'
import { setPassword } from './set-password.ts'

/** How long the driver waits for cameras, in milliseconds, and the clock that it waits by. */
export type DriverSettings = {
  clock: DriverClock
  /** For one answer of the camera. */
  timeoutMs: number
  connectTimeoutMs: number
  /** Between two looks for hints; a camera's only connection is busy for a second of it. */
  hintPauseMs: number
  install: InstallTimings
  life: LifeTimings
}

/** Makes the ONVIF client of a target; `certificate` is what https showed last. Throws DriverError for an unusable address. */
export function connectTo(target: CameraTarget, settings: DriverSettings) {
  let seen: CameraCertificate | null = null
  const { pinnedSha256, allowLegacy } = target.tls
  const onCertificate = (certificate: CameraCertificate) => {
    seen = certificate
  }
  const certificate = () => (seen === null ? null : { sha256: seen.sha256, expiresAt: seen.expiresAt })
  try {
    const client = createOnvifClient({
      address: target.address,
      credentials: target.credentials ?? undefined,
      tls: { pinnedSha256: pinnedSha256 ?? undefined, allowLegacy, onCertificate },
      timeoutMs: settings.timeoutMs,
      connectTimeoutMs: settings.connectTimeoutMs,
    })
    return { client, certificate }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new DriverError('unsupported', error.message, { cause: error })
  }
}

export function openDriver(target: CameraTarget, settings: DriverSettings): Driver {
  const { client, certificate } = connectTo(target, settings)
  const closed = new AbortController()
  let hasNoEvents = false

  /** Runs one call of the interface: bounded by the driver's life, with errors in the drivers' words. */
  async function call<Result>(options: CallOptions, run: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    try {
      return await run(AbortSignal.any([options.signal, closed.signal]))
    } catch (error) {
      throw toDriverError(error)
    }
  }

  const withApps = <Result>(options: CallOptions, run: (tools: LifeTools) => Promise<Result>): Promise<Result> =>
    call(options, async (signal) => {
      const management = await requireAppManagement(client, signal)
      return run({ management, signal, clock: settings.clock, timings: settings.life })
    })

  // `Initialized` events are hints too: a new app comes as one, and those at the beginning only cost a look.
  async function* hints(options: CallOptions): AsyncGenerator<{ appId: string }> {
    const signal = AbortSignal.any([options.signal, closed.signal])
    try {
      for await (const event of client.appStateEvents({ signal, pauseMs: settings.hintPauseMs })) {
        yield { appId: event.appId }
      }
    } catch (error) {
      if (signal.aborted) return
      if (!isOnvifError(error, 'events-unsupported')) throw toDriverError(error)
      hasNoEvents = true
    }
  }

  return {
    name: 'onvif',
    // Android takes no older version over a newer one, and ONVIF has no word for it: it is removed and installed anew.
    capabilities: { downgrade: 'REINSTALL' },
    get refusedLogins() {
      return client.refusedLogins
    },
    readIdentity: (options) =>
      withApps(options, async ({ management, signal }) => ({
        deviceId: await management.getDeviceId({ signal }),
        source: 'onvif:GetDeviceId',
      })),
    readFacts: (options) =>
      withApps(options, async ({ management, signal }) => {
        const { manufacturer, model, serialNumber, firmwareVersion } = await client.getDeviceInformation({ signal })
        const { formats } = await management.getServiceCapabilities({ signal })
        return {
          ...{ manufacturer, model, serialNumber, firmwareVersion },
          macAddress: await readMacAddress(client, signal),
          // ONVIF tells neither.
          architecture: null,
          platformLevel: null,
          appFormats: appFormatsOf(formats),
        }
      }),
    readClockOffset: (options) =>
      call(options, async (signal) => (await client.getSystemDateAndTime({ signal })).offsetMs),
    readEndpointReference: (options) => call(options, (signal) => client.getEndpointReference({ signal })),
    setClock: (options) =>
      call(options, async (signal) => {
        const { offsetMs: beforeMs } = await client.getSystemDateAndTime({ signal })
        await client.setSystemDateAndTime(new Date(settings.clock.now()), { signal })
        return { beforeMs, afterMs: (await client.getSystemDateAndTime({ signal })).offsetMs }
      }),
    setPassword: (change, options) =>
      call(options, (signal) => setPassword(change, { client, login: target.credentials, signal })),
    listApps: (options) =>
      withApps(options, async ({ management, signal }) => (await listInfos(management, signal)).map(toInstalledApp)),
    install: (localPackage, options) =>
      withApps(options, async ({ management, signal }) => {
        const tools = { client, management, clock: settings.clock, timings: settings.install }
        return toInstalledApp(await installApp(localPackage, { ...options, signal }, tools))
      }),
    placeLicense: (request, options) => withApps(options, (tools) => placeLicense(request, tools)),
    start: (appId, options) => withApps(options, (tools) => startApp(appId, tools)),
    stop: (appId, options) => withApps(options, (tools) => stopApp(appId, tools)),
    uninstall: (appId, options) => withApps(options, (tools) => uninstallApp(appId, tools)),
    saveConfiguration: (appId, options) => withApps(options, (tools) => saveConfiguration(appId, tools)),
    restoreConfiguration: (request, options) => withApps(options, (tools) => restoreConfiguration(request, tools)),
    watch: (options) => (hasNoEvents ? null : hints(options)),
    certificate,
    async close() {
      closed.abort(new DriverError('cancelled', 'The connection to the camera was closed.'))
    },
  }
}

async function requireAppManagement(client: OnvifClient, signal: AbortSignal): Promise<AppManagement> {
  const known = await client.appManagement({ signal })
  if (known !== null) return known
  // A firmware upgrade may have brought it since the services were listed.
  await client.getServices({ signal, isRefresh: true })
  const found = await client.appManagement({ signal })
  if (found !== null) return found
  throw new DriverError(
    'unsupported',
    'The camera speaks ONVIF, and has no application management: it cannot run apps.',
  )
}

/** The first address of an interface in use. Worth having, never worth failing for. */
async function readMacAddress(client: OnvifClient, signal: AbortSignal): Promise<string | null> {
  try {
    const interfaces = await client.getNetworkInterfaces({ signal })
    const inUse = (each: NetworkInterface) => each.isEnabled && each.macAddress !== null
    return (interfaces.find(inUse) ?? interfaces.find(({ macAddress }) => macAddress !== null))?.macAddress ?? null
  } catch (error) {
    const isUnable = isOnvifError(error) && ['unsupported', 'rejected', 'bad-reply'].includes(error.code)
    if (isUnable) return null
    throw error
  }
}
