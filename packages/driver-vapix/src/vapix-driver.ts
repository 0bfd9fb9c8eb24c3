import { type CallOptions, type CameraTarget, type Driver, DriverError } from '@ocelli/driver'
import { toInstalledApp } from './app-entry.ts'
import { type LifeTools, removeApp, startApp, stopApp } from './app-life.ts'
import { connectTo, type DriverSettings } from './connect.ts'
import { readFacts, readIdentity } from './describe-camera.ts'
import { isLoginFailure, needsFirstPassword, toDriverError } from './driver-failure.ts'
import { installApp } from './install-app.ts'
import { placeLicense, removeLicense } from './place-license.ts'
import { setPassword } from './set-password.ts'

export function openDriver(target: CameraTarget, settings: DriverSettings): Driver {
  const { camera, certificate } = connectTo(target, settings)
  const closed = new AbortController()

  /** Runs one call of the interface: bounded by the driver's life, with errors in the drivers' words. */
  async function call<Result>(options: CallOptions, run: (bounded: CallOptions) => Promise<Result>): Promise<Result> {
    const bounded = { signal: AbortSignal.any([options.signal, closed.signal]) }
    try {
      return await run(bounded)
    } catch (error) {
      if (isLoginFailure(error) && (await lacksUsers(bounded))) throw needsFirstPassword(error)
      throw toDriverError(error)
    }
  }

  /** A camera that was reset to factory settings refuses every login. */
  async function lacksUsers(options: CallOptions): Promise<boolean> {
    try {
      return (await camera.systemState(options))?.needsSetup ?? false
    } catch (error) {
      // The refused login is what is told then.
      if (toDriverError(error) instanceof DriverError) return false
      throw error
    }
  }

  const withTools = <Result>(options: CallOptions, run: (tools: LifeTools) => Promise<Result>): Promise<Result> =>
    call(options, ({ signal }) => run({ camera, signal, clock: settings.clock, timings: settings.life }))

  return {
    name: 'vapix',
    // upload.cgi compares no versions: an older package is taken like a newer one (docs/axis.md).
    capabilities: { downgrade: 'IN_PLACE' },
    get refusedLogins() {
      return camera.refusedLogins
    },
    readIdentity: (options) => call(options, (bounded) => readIdentity(camera, bounded)),
    readFacts: (options) => call(options, (bounded) => readFacts(camera, bounded)),
    readClockOffset: (options) =>
      call(options, async (bounded) => {
        await camera.openProperties(bounded)
        return camera.clockOffsetMs
      }),
    setPassword: (change, options) =>
      call(options, ({ signal }) => setPassword(change, { camera, login: target.credentials, signal })),
    listApps: (options) => call(options, async (bounded) => (await camera.apps(bounded)).map(toInstalledApp)),
    install: (localPackage, options) =>
      call(options, async ({ signal }) => {
        const tools = { camera, clock: settings.clock, timings: settings.install }
        return toInstalledApp(await installApp(localPackage, { ...options, signal }, tools))
      }),
    placeLicense: (request, options) => call(options, (bounded) => placeLicense(request, camera, bounded)),
    removeLicense: (request, options) => call(options, (bounded) => removeLicense(request, camera, bounded)),
    start: (appId, options) => withTools(options, (tools) => startApp(appId, tools)),
    stop: (appId, options) => withTools(options, (tools) => stopApp(appId, tools)),
    uninstall: (appId, options) => withTools(options, (tools) => removeApp(appId, tools)),
    // VAPIX tells of apps only when asked.
    watch: () => null,
    certificate,
    async close() {
      closed.abort(new DriverError('cancelled', 'The connection to the camera was closed.'))
    },
  }
}
