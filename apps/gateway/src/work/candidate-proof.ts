import { DriverError, type DriverTable, type Finding } from '@ocelli/driver'
import type { Camera } from '../cameras/camera-store.ts'
import type { RefusedLogins } from '../cameras/refused-logins.ts'
import type { Clock } from '../state/clock.ts'
import type { Log } from './gateway-options.ts'
import type { IdentityRegistry } from './identity-registry.ts'
import { withDeadline } from './step-deadline.ts'

/** Marks can be shown by anybody: so few are asked with the camera's login, and not again for so long. */
const maxCandidates = 3
const maxAddresses = 3
const notAgainForMs = 30 * 60_000
const callTimeoutMs = 30_000

/** Reads, with a camera's login and only reading, who answers where the camera may be now. */
export interface CandidateProof {
  /** One address per candidate that answers with the camera's identity. */
  addressesOf(camera: Camera, options: { candidates: readonly Finding[]; signal: AbortSignal }): Promise<string[]>
}

export interface CandidateProofOptions {
  drivers: DriverTable
  refused: RefusedLogins
  identities: Pick<IdentityRegistry, 'seenAt'>
  clock: Clock
  log: Log
}

export function createCandidateProof(options: CandidateProofOptions): CandidateProof {
  const { drivers, refused, identities, clock, log } = options
  const notBeforeMs = new Map<string, number>()

  async function isOurs(camera: Camera, address: string, signal: AbortSignal): Promise<boolean> {
    const module = await drivers[camera.driver]?.()
    if (!module) return false
    const { deviceId, credentials, tls } = camera
    const driver = module.open({ address, credentials, tls })
    const timeoutError = () => new DriverError('unreachable', 'The camera did not answer within 30 seconds.')
    try {
      const identity = await withDeadline({ clock, timeoutMs: callTimeoutMs, signal, timeoutError }, (bounded) =>
        driver.readIdentity({ signal: bounded }),
      )
      return identity.deviceId === deviceId
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof DriverError && error.code === 'credentials-refused') {
        await refused.note({ address, deviceId }, credentials)
      }
      log.info({ deviceId, address, err: error }, 'What may be a missing camera could not be asked who it is')
      return false
    } finally {
      await driver.close()
    }
  }

  async function mayAsk(camera: Camera, address: string): Promise<boolean> {
    const { deviceId, credentials } = camera
    const here = identities.seenAt(address)
    if (credentials === null || (here !== null && here !== deviceId)) return false
    if ((notBeforeMs.get(`${deviceId} ${address}`) ?? Number.NEGATIVE_INFINITY) > clock.monotonic()) return false
    return (await refused.closedForMs({ address, deviceId }, credentials)) === 0
  }

  async function proveOne(camera: Camera, candidate: Finding, signal: AbortSignal): Promise<string | null> {
    for (const address of addressesLike(camera, candidate).slice(0, maxAddresses)) {
      if (!(await mayAsk(camera, address))) continue
      if (await isOurs(camera, address, signal)) return address
      notBeforeMs.set(`${camera.deviceId} ${address}`, clock.monotonic() + notAgainForMs)
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
