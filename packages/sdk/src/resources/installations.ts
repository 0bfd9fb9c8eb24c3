import type { Installation, InstallationQuery, InstallRequest } from '@ocelli/contract'
import type { Answer, Api, CallOptions } from '../http/api.ts'

/** An app on a device. */
export interface Pair {
  appId: string
  deviceId: string
}

export type ChangeOptions = CallOptions & InstallationQuery

const path = '/software/v1/apps/{appId}/devices/{deviceId}'

/**
 * Apps on devices. Each change gives the installation as it now stands: while `settled` is false, work remains. A device
 * that is not online is refused with `device-offline`, unless `whenOffline: 'queue'`.
 */
export const installationMethods = (api: Api) => {
  const changes = installationChanges(api)
  return {
    /** How far an app is on a device; `NOT_INSTALLED` for a pair never seen. */
    get: api.route(
      `GET ${path}`,
      (send) =>
        (pair: Pair, options?: CallOptions): Promise<Installation> =>
          send.json({ params: toParams(pair) }, options),
    ),
    /** Installs, or updates to `version`. Takes a free unit unless the pair has a license. Errors: `no-free-license`, `incompatible`. */
    install: tagged(changes.install, (pair: Pair, request: InstallRequest, options?: ChangeOptions) =>
      changes.install(pair, request, options).then(toBody),
    ),
    /** Updates to the newest version that fits the device. Errors: `app-not-installed`. */
    update: tagged(changes.update, (pair: Pair, options?: ChangeOptions) => changes.update(pair, options).then(toBody)),
    /** Removes the app; its license returns when the device confirms. */
    uninstall: tagged(changes.uninstall, (pair: Pair, options?: ChangeOptions) =>
      changes.uninstall(pair, options).then(toBody),
    ),
    /** Starts the app. Errors: `app-not-installed`. */
    start: tagged(changes.run, (pair: Pair, options?: ChangeOptions) =>
      changes.run(pair, 'RUNNING', options).then(toBody),
    ),
    /** Stops the app. Errors: `app-not-installed`. */
    stop: tagged(changes.run, (pair: Pair, options?: ChangeOptions) =>
      changes.run(pair, 'NOT_RUNNING', options).then(toBody),
    ),
  }
}

/** The same with their status: 200 when it was already so, 202 while work remains. */
export const installationChanges = (api: Api) => ({
  install: api.route(
    `PUT ${path}`,
    (send) =>
      (
        pair: Pair,
        request: InstallRequest,
        { whenOffline, ...options }: ChangeOptions = {},
      ): Promise<Answer<Installation>> =>
        send.answer({ params: toParams(pair), query: { whenOffline }, json: request }, options),
  ),
  update: api.route(
    `POST ${path}`,
    (send) =>
      (pair: Pair, { whenOffline, ...options }: ChangeOptions = {}): Promise<Answer<Installation>> =>
        send.answer({ params: toParams(pair), query: { whenOffline } }, options),
  ),
  uninstall: api.route(
    `DELETE ${path}`,
    (send) =>
      (pair: Pair, { whenOffline, ...options }: ChangeOptions = {}): Promise<Answer<Installation>> =>
        send.answer({ params: toParams(pair), query: { whenOffline } }, options),
  ),
  run: api.route(
    `POST ${path}/state/{runningState}`,
    (send) =>
      (
        pair: Pair,
        runningState: 'RUNNING' | 'NOT_RUNNING',
        { whenOffline, ...options }: ChangeOptions = {},
      ): Promise<Answer<Installation>> =>
        send.answer({ params: { ...toParams(pair), runningState }, query: { whenOffline } }, options),
  ),
})

/** A pair may come as a whole installation: only its ids belong into the path. */
const toParams = ({ appId, deviceId }: Pair): Pair => ({ appId, deviceId })
const toBody = ({ body }: Answer<Installation>): Installation => body

function tagged<Tags extends { route: string; traits: object }, Method>(
  { route, traits }: Tags,
  method: Method,
): Method & Pick<Tags, 'route' | 'traits'> {
  return Object.assign(method as object, { route, traits }) as Method & Pick<Tags, 'route' | 'traits'>
}
