import { type CameraTarget, type Driver, DriverError, type DriverModule, type ProbeResult } from '@ocelli/driver'
import type { DriverTable } from '../work/gateway-options.ts'
import { cameraAddresses } from './camera-address.ts'

export interface FoundCamera {
  address: string
  module: DriverModule
  probe: ProbeResult
}

export interface FindOptions {
  drivers: DriverTable
  allowLegacyTls: boolean
  signal: AbortSignal
  probeTimeoutMs?: number
}

/** A camera that speaks both is driven by VAPIX: it shows more. */
const driverOrder: Driver['name'][] = ['vapix', 'onvif']

/**
 * Asks every protocol at every address that the text may mean, without a login. Throws `invalid-input`, or DriverError:
 * `unreachable` when nothing answers, `unsupported` when something answers that is no camera.
 */
export async function findCamera(text: string, options: FindOptions): Promise<FoundCamera> {
  const answers: string[] = []
  const failures: DriverError[] = []
  for (const address of cameraAddresses(text)) {
    for (const name of driverOrder) {
      const module = await options.drivers[name]?.()
      if (!module) continue
      const outcome = await probeOnce(module, address, options)
      if (outcome instanceof DriverError) failures.push(outcome)
      else if (outcome.speaks) return { address, module, probe: outcome }
      else answers.push(outcome.detail)
    }
  }
  const [answer] = answers
  if (answer !== undefined) throw new DriverError('unsupported', answer)
  throw worstOf(failures) ?? new DriverError('unsupported', 'This gateway has no driver for any camera.')
}

/** What went wrong with something that answers says more than a port that is closed. */
function worstOf(failures: DriverError[]): DriverError | undefined {
  return failures.find(({ code }) => !['unreachable', 'timeout', 'cancelled'].includes(code)) ?? failures.at(-1)
}

async function probeOnce(
  module: DriverModule,
  address: string,
  { allowLegacyTls, signal, probeTimeoutMs = 10_000 }: FindOptions,
): Promise<ProbeResult | DriverError> {
  const target: CameraTarget = { address, credentials: null, tls: { pinnedSha256: null, allowLegacy: allowLegacyTls } }
  const enough = AbortSignal.timeout(probeTimeoutMs)
  try {
    return await module.probe(target, { signal: AbortSignal.any([signal, enough]) })
  } catch (error) {
    signal.throwIfAborted()
    if (enough.aborted) {
      const detail = `${address} did not answer within ${Math.round(probeTimeoutMs / 1000)} seconds.`
      return new DriverError('unreachable', detail, { cause: error })
    }
    if (error instanceof DriverError) return error
    throw error
  }
}
