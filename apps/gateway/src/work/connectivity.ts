import type { DeviceReport } from '@ocelli/contract'
import type { Observation } from './camera-link.ts'

type Connectivity = DeviceReport['connectivity']

/** Three probes of a minute: a camera that has answered within them is online. */
const onlineWindowMs = 3 * 60_000

export interface Sighting {
  /** Null before the first look. */
  observation: Observation | null
  /** When the camera itself answered last; monotonic, null when it did not since the start. */
  lastAnswerAtMs: number | null
  certificateExpiresAt: string | null
}

/** What the platform is told of a camera's reachability. `detail` is one sentence for a person, null when all is well. */
export function connectivityOf(sighting: Sighting, nowMs: number): Connectivity {
  const { observation, lastAnswerAtMs } = sighting
  const sinceAnswerMs = lastAnswerAtMs === null ? null : nowMs - lastAnswerAtMs
  const clockOffsetMs = observation?.kind === 'answered' ? observation.clockOffsetMs : null
  return {
    ...stateOf(observation, sinceAnswerMs),
    detail: observation && observation.kind !== 'answered' ? observation.error.message.slice(0, 1000) : null,
    lastAnswerSecondsAgo: sinceAnswerMs === null ? null : Math.round(sinceAnswerMs / 1000),
    clockOffsetSeconds: clockOffsetMs === null ? null : Math.round(clockOffsetMs / 1000),
    certificateExpiresAt: sighting.certificateExpiresAt,
  }
}

function stateOf(
  observation: Observation | null,
  sinceAnswerMs: number | null,
): Pick<Connectivity, 'state' | 'reason'> {
  const hasAnsweredLately = sinceAnswerMs !== null && sinceAnswerMs < onlineWindowMs
  if (observation?.kind === 'blocked') {
    // Something else at the camera's address means that this camera is not there.
    return { state: observation.reason === 'identity-changed' ? 'OFFLINE' : 'ONLINE', reason: observation.reason }
  }
  return hasAnsweredLately ? { state: 'ONLINE', reason: null } : { state: 'OFFLINE', reason: 'unreachable' }
}
