import type { DeviceReport, FoundCamera } from '@ocelli/contract'
import type { Observation } from './observation.ts'

type Connectivity = DeviceReport['connectivity']

/** A camera that has answered within so many probes is online. */
const onlineWindowProbes = 3

export interface Sighting {
  /** Null before the first look. */
  observation: Observation | null
  /** When the camera itself answered last; monotonic, null when it did not since the start. */
  lastAnswerAtMs: number | null
  certificateExpiresAt: string | null
  probeEveryMs: number
  /** Another camera that is at its address. */
  replacement: FoundCamera | null
}

/** What the platform is told of a camera's reachability. `detail` is one sentence for a person, null when all is well. */
export function connectivityOf(sighting: Sighting, nowMs: number): Connectivity {
  const { observation, lastAnswerAtMs, replacement, probeEveryMs } = sighting
  const sinceAnswerMs = lastAnswerAtMs === null ? null : nowMs - lastAnswerAtMs
  const hasAnsweredLately = sinceAnswerMs !== null && sinceAnswerMs < onlineWindowProbes * probeEveryMs
  const clockOffsetMs = observation?.kind === 'answered' ? observation.clockOffsetMs : null
  return {
    ...(replacement === null ? stateOf(observation, hasAnsweredLately) : replaced),
    detail: detailOf(sighting)?.slice(0, 1000) ?? null,
    lastAnswerSecondsAgo: sinceAnswerMs === null ? null : Math.round(sinceAnswerMs / 1000),
    clockOffsetSeconds: clockOffsetMs === null ? null : Math.round(clockOffsetMs / 1000),
    certificateExpiresAt: sighting.certificateExpiresAt,
    replacement,
  }
}

function detailOf({ observation, replacement }: Sighting): string | null {
  if (!observation || observation.kind === 'answered') return null
  const isTold = observation.kind === 'blocked' && observation.reason === 'identity-changed'
  if (!replacement) return observation.error.message
  const { address, manufacturer, model, serialNumber, deviceId } = replacement
  const name = [manufacturer, model].filter((part) => part !== null).join(' ')
  const marks = [name, serialNumber && `serial number ${serialNumber}`, deviceId && `device id ${deviceId}`]
  const told = isTold ? observation.error.message : `Another camera answers at ${address}. Nothing was written to it.`
  const found = marks.filter(Boolean).join(', ')
  return found === '' ? told : `${told} It is: ${found}.`
}

/** However the look failed: another camera at its address means that this one is not there. */
const replaced = { state: 'OFFLINE', reason: 'identity-changed' } as const

function stateOf(observation: Observation | null, hasAnsweredLately: boolean): Pick<Connectivity, 'state' | 'reason'> {
  if (observation?.kind === 'blocked') {
    // Something else at the camera's address means that this camera is not there.
    return { state: observation.reason === 'identity-changed' ? 'OFFLINE' : 'ONLINE', reason: observation.reason }
  }
  return hasAnsweredLately ? { state: 'ONLINE', reason: null } : { state: 'OFFLINE', reason: 'unreachable' }
}
