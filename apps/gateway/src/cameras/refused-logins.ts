import { type CameraTarget, DriverError } from '@ocelli/driver'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Clock } from '../state/clock.ts'
import { fileNameOf } from '../state/file-name.ts'
import type { StateFolder } from '../state/state-folder.ts'
import { placeOf } from './camera-marks.ts'

const Refusal = Type.Object({
  ...{ sealedCredentials: Type.String(), atMs: Type.Number() },
  /** A login was accepted since, so the camera has begun to count anew. */
  isForgiven: Type.Optional(Type.Boolean()),
})
/** Of several logins, as while it is not known which of two passwords counts. Older gateways kept the last one alone. */
const Refusals = Type.Object({ refusals: Type.Array(Refusal) })

type Refusal = Static<typeof Refusal>

/** VMS, gateway and people share the camera's lockout; a driver uses up both tries of this window by itself. */
const windowMs = 30 * 60_000
/** Cameras lock after three to five; what others mistype counts there too. */
const mostRefused = 2

type Credentials = CameraTarget['credentials']

/** A camera as far as it is known: before a login it has no id. */
export interface LoginPlace {
  address: string
  deviceId: string | null
}

/**
 * Keeps a refused password from being tried again, in whatever process: `camera add` and the running gateway share the count. It is
 * kept for the place, so that a camera is safe before its id is known, and for the device, so that it is safe where it moves to.
 */
export interface RefusedLogins {
  /** Milliseconds until these credentials may be tried there again; 0 when they may be tried now. */
  closedForMs(place: LoginPlace, credentials: Credentials): Promise<number>
  /** Throws `credentials-refused` while they may not. */
  check(place: LoginPlace, credentials: Credentials): Promise<void>
  /** For credentials that were never accepted: throws `credentials-refused` also while two others that were refused there still count. */
  checkNew(place: LoginPlace, credentials: Credentials): Promise<void>
  note(place: LoginPlace, credentials: Credentials): Promise<void>
  /**
   * These credentials were accepted. What was refused of others stays closed: the running gateway may hold them yet for a moment after new
   * ones were proven, and would try them again.
   */
  accepted(place: LoginPlace, credentials: Credentials): Promise<void>
}

type Folder = Pick<StateFolder, 'readJson' | 'writeJson' | 'remove' | 'seal' | 'unseal'>

export function createRefusedLogins({ folder, clock }: { folder: Folder; clock: Clock }): RefusedLogins {
  /** The wall clock may jump; it only says once, when a refusal is first seen, how much of its window is left. */
  const seen = new Map<string, number>()
  const keyOf = (name: string, { sealedCredentials, atMs }: Refusal) => `${name} ${sealedCredentials} ${atMs}`

  const namesOf = ({ address, deviceId }: LoginPlace): string[] =>
    [`at ${placeOf(address)}`, ...(deviceId === null ? [] : [`of ${deviceId}`])].map(
      (key) => `refused-logins/${fileNameOf(key)}.json`,
    )

  function leftMsOf(name: string, refusal: Refusal): number {
    const key = keyOf(name, refusal)
    const agoMs = clock.now() - refusal.atMs
    // A clock that was set back must not keep a camera closed for ever.
    const reopensAtMs = seen.get(key) ?? (agoMs < 0 ? Number.NEGATIVE_INFINITY : clock.monotonic() + windowMs - agoMs)
    seen.set(key, reopensAtMs)
    return reopensAtMs - clock.monotonic()
  }

  async function read(name: string): Promise<Refusal[]> {
    const stored = await folder.readJson(name)
    if (Value.Check(Refusals, stored)) return stored.refusals
    return Value.Check(Refusal, stored) ? [stored] : []
  }

  /** Those of other logins that still close. */
  async function readOthers(name: string, credentials: Credentials): Promise<Refusal[]> {
    const refusals = await read(name)
    const others = refusals.filter((refusal) => leftMsOf(name, refusal) > 0 && !isOf(refusal, credentials))
    for (const refusal of refusals) if (!others.includes(refusal)) seen.delete(keyOf(name, refusal))
    return others
  }

  const isOf = ({ sealedCredentials }: Refusal, credentials: Credentials): boolean =>
    folder.unseal(sealedCredentials) === textOf(credentials)

  async function closedBy(name: string, credentials: Credentials): Promise<number> {
    const own = (await read(name)).filter((refusal) => isOf(refusal, credentials))
    return Math.max(0, ...own.map((refusal) => leftMsOf(name, refusal)))
  }

  async function closedForMs(place: LoginPlace, credentials: Credentials): Promise<number> {
    return Math.max(...(await Promise.all(namesOf(place).map((name) => closedBy(name, credentials)))))
  }

  /** Milliseconds until fewer than two refusals of others count there. */
  async function fullForMs(name: string, credentials: Credentials): Promise<number> {
    const counting = (await readOthers(name, credentials)).filter(({ isForgiven = false }) => !isForgiven)
    const leftMs = counting.map((refusal) => leftMsOf(name, refusal)).sort((one, other) => one - other)
    return leftMs.at(-mostRefused) ?? 0
  }

  async function check(place: LoginPlace, credentials: Credentials): Promise<void> {
    const leftMs = await closedForMs(place, credentials)
    if (leftMs === 0) return
    const detail = `The camera refused this user name and password a short time ago. They were not tried again, so that the camera does not lock itself: use others, or wait ${minutes(leftMs)}.`
    throw new DriverError('credentials-refused', detail)
  }

  return {
    closedForMs,
    check,
    async checkNew(place, credentials) {
      await check(place, credentials)
      const leftMs = Math.max(...(await Promise.all(namesOf(place).map((name) => fullForMs(name, credentials)))))
      if (leftMs === 0) return
      const detail = `The camera refused two other logins within half an hour. A third could lock its account, for other programs too, so it was not tried: make sure of the login, and wait ${minutes(leftMs)}.`
      throw new DriverError('credentials-refused', detail)
    },
    async note(place, credentials) {
      const atMs = clock.now()
      // Sealed, not hashed: a hash on the disk could be guessed from.
      const sealedCredentials = folder.seal(textOf(credentials))
      const refusal = { sealedCredentials, atMs }
      for (const name of namesOf(place)) {
        const others = await readOthers(name, credentials)
        seen.set(keyOf(name, refusal), clock.monotonic() + windowMs)
        await folder.writeJson(name, { refusals: [...others, refusal] })
      }
    },
    async accepted(place, credentials) {
      for (const name of namesOf(place)) {
        const others = (await readOthers(name, credentials)).map((refusal) => ({ ...refusal, isForgiven: true }))
        if (others.length > 0) await folder.writeJson(name, { refusals: others })
        else await folder.remove(name)
      }
    },
  }
}

const minutes = (ms: number) => `${Math.ceil(ms / 60_000)} minutes`

const textOf = (credentials: Credentials) =>
  credentials ? JSON.stringify([credentials.user, credentials.password]) : ''
