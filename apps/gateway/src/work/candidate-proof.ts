import type { DriverTable, Finding } from '@ocelli/driver'
import type { Camera } from '../cameras/camera-store.ts'
import { tryLogin } from '../cameras/login-trial.ts'
import type { PasswordChanges } from '../cameras/password-changes.ts'
import type { RefusedLogins } from '../cameras/refused-logins.ts'
import type { Login } from '../cameras/same-login.ts'
import type { Clock } from '../state/clock.ts'
import type { Log } from '../state/log.ts'
import type { IdentityRegistry } from './identity-registry.ts'
import { createNotAgain } from './not-again.ts'

/** Marks can be shown by anybody: so few are asked with the camera's login, and not again for so long. */
const maxCandidates = 3
const maxAddresses = 3
const notAgainForMs = 30 * 60_000

/** Reads, with a camera's login and only reading, who answers where the camera may be now. */
export interface CandidateProof {
  /** One address per candidate that answers with the camera's identity. */
  addressesOf(camera: Camera, options: { candidates: readonly Finding[]; signal: AbortSignal }): Promise<string[]>
}

export interface CandidateProofOptions {
  drivers: DriverTable
  refused: RefusedLogins
  /** New passwords of which it is not known yet whether they count. */
  passwords?: Pick<PasswordChanges, 'loginsOf' | 'noteRefusal'>
  identities: Pick<IdentityRegistry, 'seenAt'>
  clock: Clock
  log: Log
}

export function createCandidateProof(options: CandidateProofOptions): CandidateProof {
  const { drivers, refused, passwords, identities, clock, log } = options
  const notAgain = createNotAgain({ clock, forMs: notAgainForMs })

  /** While it is not known which of two passwords counts, the one at the new address may be either. */
  const loginsOf = ({ deviceId, credentials }: Camera): Login[] =>
    passwords?.loginsOf(deviceId) ?? (credentials === null ? [] : [credentials])

  function mayAsk({ deviceId }: Camera, address: string): boolean {
    const here = identities.seenAt(address)
    if (here !== null && here !== deviceId) return false
    return notAgain.isOver(`${deviceId} ${address}`)
  }

  /** `closed`: no login may be tried there now. */
  async function ask(camera: Camera, address: string, signal: AbortSignal): Promise<'ours' | 'not-ours' | 'closed'> {
    const { deviceId } = camera
    const logins = loginsOf(camera)
    let answer: 'not-ours' | 'closed' = 'closed'
    for (const login of logins) {
      const trial = await tryLogin({ ...camera, address }, login, { drivers, refused, clock, signal })
      if (trial.kind === 'accepted') return 'ours'
      if (trial.kind === 'closed') continue
      log.info({ deviceId, address, err: trial.error }, 'What may be a missing camera did not say that it is')
      answer = 'not-ours'
      if (trial.kind === 'no-answer') break
      passwords?.noteRefusal(deviceId, login)
      // The lockout is shared with others: no second login where the first refusal may have cost two.
      if (trial.cost > 1) for (const each of logins) await refused.note({ address, deviceId }, each)
    }
    return answer
  }

  async function proveOne(camera: Camera, candidate: Finding, signal: AbortSignal): Promise<string | null> {
    for (const address of addressesLike(camera, candidate).slice(0, maxAddresses)) {
      if (!mayAsk(camera, address)) continue
      const answer = await ask(camera, address, signal)
      if (answer === 'ours') return address
      if (answer === 'closed') continue
      notAgain.note(`${camera.deviceId} ${address}`)
    }
    return null
  }

  return {
    async addressesOf(camera, { candidates, signal }) {
      const proved: string[] = []
      for (const candidate of candidates.slice(0, maxCandidates)) {
        const address = await proveOne(camera, candidate, signal)
        if (address !== null) proved.push(address)
      }
      return proved
    },
  }
}

/**
 * Where a candidate is asked: by the scheme of the camera's record, so that a login that went to a pinned certificate goes to that
 * certificate only, and one that went by http is not sent in another way than before.
 */
export function addressesLike(camera: Pick<Camera, 'address'>, candidate: Finding): string[] {
  const { protocol, port } = new URL(camera.address)
  const alike = candidate.addresses.filter((address) => new URL(address).protocol === protocol)
  const derived = candidate.addresses.map((address) => {
    const url = new URL(address)
    return `${protocol}//${url.hostname}${port === '' ? '' : `:${port}`}`
  })
  return [...new Set([...alike, ...derived])].filter((address) => address !== camera.address)
}
