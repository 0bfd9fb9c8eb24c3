import type { CameraLogins, CameraResults, SealingJwk } from '@ocelli/contract'
import type { DriverTable } from '@ocelli/driver'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { GatewayIdentity } from '../platform/gateway-identity.ts'
import type { PlatformApi } from '../platform/platform-api.ts'
import type { SealingKey } from '../platform/sealing-key.ts'
import type { Clock } from '../state/clock.ts'
import { GatewayError } from '../state/gateway-error.ts'
import type { Log } from '../state/log.ts'
import type { StateFolder } from '../state/state-folder.ts'
import { toInstallationError } from '../work/work-error.ts'
import { addCamera } from './add-camera.ts'
import type { CameraStore } from './camera-store.ts'
import { changeCredentials } from './change-credentials.ts'
import type { PasswordChanges } from './password-changes.ts'
import { createRefusedLogins } from './refused-logins.ts'
import { withoutPassword } from './same-login.ts'
import { PasswordInDoubtError, setPassword } from './set-password.ts'
import { createTurns } from './turns.ts'

type Login = CameraLogins['logins'][number]
type Result = CameraResults['results'][number]

/**
 * Carries out sealed logins that the platform sends: cameras to claim, other credentials for cameras of this gateway, and new
 * passwords to be set on them.
 *
 * | now             | the platform sends the login | becomes                                                        |
 * | unknown         | -                            | at work, when its turn comes                                   |
 * | at work         | again                        | nothing                                                        |
 * | done            | again                        | the result is said again; nothing is done a second time        |
 * | killed at work  | again, to the next process   | done again: a claim repeated is harmless, and a password that was refused is known by the folder and not tried |
 * | the platform did not answer a claim | again    | done again                                                     |
 * | a new password in doubt | again    | the camera is asked which one counts, and that is said         |
 */
export interface LoginDesk {
  readonly publicKey: SealingJwk
  /** `tell` may lose the result: it is told again when the platform asks again. Ends when the signal aborts. */
  take(logins: readonly Login[], options: TakeOptions): void
}

interface TakeOptions {
  tell: (result: Result) => void
  /** Runs a job that needs the camera for itself. */
  alone: <Value>(deviceId: string, job: () => Promise<Value>) => Promise<Value>
  signal: AbortSignal
}

export interface LoginDeskOptions {
  key: SealingKey
  identity: () => GatewayIdentity
  folder: StateFolder
  cameras: CameraStore
  passwords: PasswordChanges
  api: Pick<PlatformApi, 'claim'>
  drivers: DriverTable
  clock: Clock
  log: Log
}

const camerasAtOnce = 8
/** More than the platform has under way at a time. */
const keptResults = 500

const Credentials = Type.Object({
  user: Type.String({ minLength: 1, maxLength: 255 }),
  password: Type.String({ maxLength: 1000 }),
  allowHttp: Type.Optional(Type.Boolean()),
})
type Credentials = Static<typeof Credentials>

export function createLoginDesk(options: LoginDeskOptions): LoginDesk {
  const { key, identity, folder, cameras, passwords, api, drivers, clock, log } = options
  const results = new Map<string, Result>()
  const atWork = new Set<string>()
  const turns = createTurns(camerasAtOnce)

  const refused = createRefusedLogins({ folder, clock })
  passwords.onSettled(keep)

  async function open({ sealed, for: purpose }: Login): Promise<Credentials> {
    const { gatewayId } = identity()
    const place = purpose.kind === 'claim' ? purpose.address : purpose.deviceId
    const text = await key.open(sealed, `ocelli:${purpose.kind}:${gatewayId}:${place}`)
    const credentials = parse(text)
    if (Value.Check(Credentials, credentials)) return credentials
    throw new GatewayError('login-unreadable', 'The login holds no user name and password. Send it again.')
  }

  /** Gives the camera's id. */
  async function carryOut(login: Login, opened: Credentials, { alone, signal }: TakeOptions): Promise<string> {
    const { for: purpose, loginId } = login
    const { allowHttp = false, ...credentials } = opened
    const common = { credentials, cameras, drivers, folder, clock, signal }
    if (purpose.kind === 'credentials') {
      const { deviceId } = purpose
      await changeCredentials({ ...common, deviceId, endsDoubt: passwords.isOpen(deviceId) })
      return deviceId
    }
    if (purpose.kind === 'password') {
      const { deviceId } = purpose
      const change = { deviceId, loginId, login: { ...credentials, allowHttp } }
      await alone(deviceId, () => setPassword({ ...change, cameras, passwords, drivers, refused, clock, signal }))
      return deviceId
    }
    const { address, name, siteId } = purpose
    const camera = await addCamera({
      ...common,
      api,
      identity: identity(),
      address,
      name,
      siteId,
      allowLegacyTls: false,
    })
    return camera.deviceId
  }

  /** Null when the platform itself was not there: it sends the login again. */
  async function resultOf(login: Login, options: TakeOptions): Promise<Result | null> {
    const { loginId, for: purpose } = login
    let opened: Credentials | null = null
    try {
      opened = await open(login)
      return { loginId, deviceId: await carryOut(login, opened, options), error: null }
    } catch (error) {
      options.signal.throwIfAborted()
      const isInDoubt = error instanceof PasswordInDoubtError
      const { category, code, detail } = toInstallationError(isInDoubt ? error.cause : error, clock.now())
      log.info({ loginId, kind: purpose.kind, code, isInDoubt }, 'A login that the platform sent could not be used')
      if (error instanceof GatewayError && error.code === 'platform-unreachable') return null
      const deviceId = purpose.kind === 'claim' ? null : purpose.deviceId
      const safeDetail = opened ? withoutPassword(detail, opened) : detail
      const doubt = isInDoubt ? { isUnknown: true } : {}
      return { loginId, deviceId, error: { category, code, detail: safeDetail }, ...doubt }
    }
  }

  function keep(result: Result): void {
    results.set(result.loginId, result)
    for (const loginId of results.keys()) {
      if (results.size <= keptResults) return
      results.delete(loginId)
    }
  }

  return {
    publicKey: key.publicKey,
    take(logins, options) {
      const { tell, signal } = options
      for (const login of logins) {
        const { loginId, for: purpose } = login
        const known = results.get(loginId)
        if (known) tell(known)
        if (known || atWork.has(loginId)) continue
        atWork.add(loginId)
        const place = purpose.kind === 'claim' ? purpose.address.toLowerCase() : purpose.deviceId
        void turns
          .run(place, async () => {
            if (signal.aborted) return
            const result = await resultOf(login, options)
            if (!result) return
            if (!result.isUnknown) keep(result)
            tell(result)
          })
          .catch((error: unknown) => {
            if (!signal.aborted) log.error({ loginId, err: error }, 'A login could not be carried out')
          })
          .finally(() => atWork.delete(loginId))
      }
    },
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // the parser's words would quote the password
  }
}
