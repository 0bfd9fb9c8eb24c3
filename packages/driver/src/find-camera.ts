import { driverNames } from '@ocelli/contract'
import { cameraAddresses } from './camera-address.ts'
import type { CameraTarget, Driver, DriverModule, ProbeResult } from './driver.ts'
import { DriverError } from './driver-error.ts'

/** The protocols that a program speaks, loaded when they are first needed. */
export type DriverTable = Partial<Record<Driver['name'], () => Promise<DriverModule>>>

/** The first address and protocol by which a camera answered, and what it told without a login. */
export interface FoundCamera {
  address: string
  module: DriverModule
  probe: ProbeResult
}

/** `allowLegacyTls`: TLS below 1.2 too. `probeTimeoutMs` is for one protocol at one address, 10 s by default. */
export interface FindCameraOptions {
  drivers: DriverTable
  allowLegacyTls: boolean
  signal: AbortSignal
  probeTimeoutMs?: number
}

/**
 * Asks every protocol at every address that the text may mean, without a login. Throws RangeError for a text that is no address, or DriverError:
 * `unreachable` when nothing answers, `unsupported` when something answers that is no camera.
 */
export async function findCamera(text: string, options: FindCameraOptions): Promise<FoundCamera> {
  const answers: Answer[] = []
  const failures: DriverError[] = []
  for (const address of cameraAddresses(text)) {
    for (const name of driverNames) {
      const module = await options.drivers[name]?.()
      if (!module) continue
      const outcome = await probeOnce(module, address, options)
      if (outcome instanceof DriverError) failures.push(outcome)
      else if (outcome.speaks) return { address, module, probe: outcome }
      else answers.push({ address, protocol: name.toUpperCase(), detail: outcome.detail })
    }
  }
  const [answer] = answers
  if (answer !== undefined) throw new DriverError('unsupported', whatAnswers(answer, answers))
  throw worstOf(failures) ?? new DriverError('unsupported', 'There is no driver for any camera.')
}

type Answer = { address: string; protocol: string; detail: string }

/** One protocol says it in its own words; of several none may speak for all. */
function whatAnswers({ address, detail }: Answer, answers: readonly Answer[]): string {
  const protocols = [...new Set(answers.map(({ protocol }) => protocol))]
  if (protocols.length === 1) return detail
  return `Something answers at ${address}, and it is no camera that speaks ${protocols.join(' or ')}.`
}

/** What went wrong with something that answers says more than a port that is closed. */
function worstOf(failures: DriverError[]): DriverError | undefined {
  return failures.find(({ code }) => !['unreachable', 'timeout', 'cancelled'].includes(code)) ?? failures.at(-1)
}

async function probeOnce(
  module: DriverModule,
  address: string,
  { allowLegacyTls, signal, probeTimeoutMs = 10_000 }: FindCameraOptions,
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
