import type { CameraResults } from '@ocelli/contract'
import { DriverError } from '@ocelli/driver'
import { describeError } from '../state/error-code.ts'
import { GatewayError } from '../state/gateway-error.ts'
import type { Log } from '../state/log.ts'
import type { StateFolder } from '../state/state-folder.ts'
import { toInstallationError } from '../work/work-error.ts'
import type { Camera, CameraStore } from './camera-store.ts'
import { type LoginTrialTools, type Trial, tryLogin } from './login-trial.ts'
import { type OpenChange, openChangeFiles } from './open-change.ts'
import { isSameLogin, type Login, withoutPassword } from './same-login.ts'

/**
 * New passwords that were sent to cameras. A change is open from right before the request until a login has shown which of the two
 * passwords counts; while it is open nobody logs in to the camera but to find that out.
 *
 * | record | file | the camera takes | how it came | what the next look does |
 * | before | - | before | nothing was sent | - |
 * | before | wanted | before or wanted | sent; killed, no answer, a refusal, or both refused since | tries both, see `settle` |
 * | wanted | wanted | wanted | killed between the two writes | drops the file: done |
 * | another | wanted | another | somebody proved another login meanwhile | drops the file: overtaken |
 * | wanted | - | wanted | a login with it was accepted | - |
 */
export interface PasswordChanges {
  isOpen(deviceId: string): boolean
  /** Those of which one counts while a change is open, the likelier first; null: there is no doubt. */
  loginsOf(deviceId: string): Login[] | null
  /** One of `loginsOf` was refused where the camera may be. */
  noteRefusal(deviceId: string, login: Login): void
  /** The login's request whose change is open. */
  loginIdOf(deviceId: string): string | null
  /** Durable when it resolves. For the moment right before the password is sent. */
  begin(deviceId: string, change: { loginId: string; before: Login; wanted: Login }): Promise<void>
  /** For the camera's worker, or whoever has the camera for himself. Throws only the signal's reason. */
  settle(deviceId: string, options: SettleOptions): Promise<Settled>
  /** The camera is another gateway's now. */
  forget(deviceId: string): Promise<void>
  /** Called when a change is settled. Gives the function that ends it. */
  onSettled(listener: (result: Result) => void): () => void
}

type Result = CameraResults['results'][number]

export interface SettleOptions {
  signal: AbortSignal
  /** What the camera said to the new password; absent: nothing new. */
  answer?: Answer
}

export type Answer = { kind: 'taken' } | { kind: 'refused'; error: Error } | { kind: 'none' }

/** `open`: not known yet, and why. Otherwise the login that counts; `error` says why it is not the new one. */
export type Settled =
  | { kind: 'open'; error: Error }
  | { kind: 'settled'; login: Login | null; error: Error | null }
  | { kind: 'none' }

/**
 * `answer` outlives the look that heard it, and not the process. `first` is the likelier login: one that was refused comes second the
 * next time, or a camera where a refusal costs both tries would be shown the wrong one for ever.
 */
type Pending = OpenChange & { sinceMs: number; answer: Answer; first: Login }

/** A camera that was slow to answer may yet take the password: the one before is believed for good only after so long. */
const lateAfterMs = 2 * 60_000

export interface PasswordChangesOptions extends LoginTrialTools {
  folder: Pick<StateFolder, 'readJson' | 'writeJson' | 'remove' | 'list' | 'seal' | 'unseal'>
  cameras: CameraStore
  log: Log
}

/** Reads what was open when the gateway ended. */
export async function createPasswordChanges(options: PasswordChangesOptions): Promise<PasswordChanges> {
  const { cameras, refused, clock, log } = options
  const files = openChangeFiles(options.folder)
  const listeners = new Set<(result: Result) => void>()
  const open = new Map<string, Pending>()
  for (const change of await files.readAll((file, error) => {
    log.error(
      { file, error: describeError(error) },
      'A password that may count on a camera cannot be read; it is left out',
    )
  })) {
    open.set(change.deviceId, { ...change, sinceMs: clock.monotonic(), answer: { kind: 'none' }, first: change.before })
  }

  async function end(change: OpenChange, error: Error | null): Promise<Settled> {
    const { deviceId, loginId } = change
    await files.remove(deviceId)
    open.delete(deviceId)
    log.info({ deviceId, loginId, isChanged: error === null }, 'It is known which password counts on a camera')
    for (const listener of [...listeners]) listener(toResult(change, error, clock.now()))
    return { kind: 'settled', login: cameras.get(deviceId)?.credentials ?? null, error }
  }

  async function keep(change: OpenChange): Promise<Settled> {
    // The record first: a kill in between leaves both, and the file is dropped at the next look.
    await cameras.change(change.deviceId, (camera) => ({ ...camera, credentials: change.wanted }))
    return await end(change, null)
  }

  /** One refused login is enough for a look where a refusal may cost two: the camera's lockout is shared with others. */
  async function closeBoth(camera: Camera, { before, wanted }: OpenChange): Promise<void> {
    const place = { address: camera.address, deviceId: camera.deviceId }
    for (const login of [before, wanted]) await refused.note(place, login)
  }

  /**
   * The login that is likelier comes first, and the other one when that is refused. Before it counts for sure that the password before
   * is still in force, a camera that has not answered gets time to be late.
   */
  async function settle(deviceId: string, { signal, answer }: SettleOptions): Promise<Settled> {
    const change = open.get(deviceId)
    if (!change) return { kind: 'none' }
    change.answer = answer ?? change.answer
    if (answer?.kind === 'taken') change.first = change.wanted
    const camera = cameras.get(deviceId)
    if (!camera)
      return { kind: 'open', error: new GatewayError('not-found', `This gateway has no camera ${deviceId}.`) }
    const { before, wanted } = change
    if (isSameLogin(camera.credentials, wanted)) return await end(change, null)
    if (!isSameLogin(camera.credentials, before)) return await end(change, overtaken())
    const trials: Trial[] = []
    for (const login of likelierFirst(change)) {
      const trial = await tryLogin(camera, login, { ...options, signal })
      if (trial.kind === 'accepted' && login === wanted) return await keep(change)
      if (trial.kind === 'accepted') return await believeBefore(change)
      if (trial.kind === 'no-answer') return { kind: 'open', error: trial.error }
      trials.push(trial)
      if (trial.kind === 'refused') noteRefusal(change, login)
      if (trial.kind === 'refused' && trial.cost > 1) await closeBoth(camera, change)
    }
    return { kind: 'open', error: bothRefused(trials) }
  }

  async function believeBefore(change: Pending): Promise<Settled> {
    if (change.answer.kind === 'refused') return await end(change, change.answer.error)
    const isLate = clock.monotonic() - change.sinceMs >= lateAfterMs
    if (isLate) return await end(change, notSet())
    const detail = 'The camera still takes the password before. It is asked again, since it may be late.'
    return { kind: 'open', error: new DriverError('busy', detail) }
  }

  return {
    isOpen: (deviceId) => open.has(deviceId),
    loginsOf(deviceId) {
      const change = open.get(deviceId)
      return change ? likelierFirst(change) : null
    },
    noteRefusal(deviceId, login) {
      const change = open.get(deviceId)
      if (change) noteRefusal(change, login)
    },
    loginIdOf: (deviceId) => open.get(deviceId)?.loginId ?? null,
    async begin(deviceId, change) {
      const times = { sinceMs: clock.monotonic(), answer: { kind: 'none' } } as const
      const opened: Pending = { deviceId, ...change, ...times, first: change.before }
      await files.write(opened)
      open.set(deviceId, opened)
    },
    settle,
    async forget(deviceId) {
      open.delete(deviceId)
      await files.remove(deviceId)
    },
    onSettled(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

function toResult({ loginId, deviceId, wanted }: OpenChange, error: Error | null, nowMs: number): Result {
  if (error === null) return { loginId, deviceId, error: null }
  const { category, code, detail } = toInstallationError(error, nowMs)
  return { loginId, deviceId, error: { category, code, detail: withoutPassword(detail, wanted) } }
}

function bothRefused(trials: readonly Trial[]): Error {
  const refusal = trials.find((trial) => trial.kind === 'refused')
  const detail =
    'The camera refuses the new password and the one before, or has locked the account because others go on with the old one. ' +
    'Neither is tried again for 30 minutes; both are kept.'
  return new DriverError('credentials-refused', detail, {
    cause: refusal?.kind === 'refused' ? refusal.error : undefined,
  })
}

const notSet = () =>
  new GatewayError('password-not-set', 'The camera goes on taking the password before. Nothing has changed.')

const overtaken = () =>
  new GatewayError(
    'password-overtaken',
    'Another login was proved on the camera before it was known whether this one counts.',
  )

const likelierFirst = ({ first, before, wanted }: Pending): Login[] =>
  first === wanted ? [wanted, before] : [before, wanted]

function noteRefusal(change: Pending, login: Login): void {
  change.first = login === change.wanted ? change.before : change.wanted
}
