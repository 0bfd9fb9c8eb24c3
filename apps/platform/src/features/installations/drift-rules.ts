import { waitingSeconds } from './first-deadline.ts'
import type { Outcome, Surroundings } from './report-rules.ts'
import type { InstallationRow } from './situation.ts'

/** What the camera lists after a wish has settled: a difference is told as drift, and healed where the site says so. Pure. */
export function applyDrift(
  outcome: Outcome,
  { before, around }: { before: InstallationRow; around: Surroundings },
): Outcome {
  const { row } = outcome
  if (row.presence !== 'PRESENT' || row.installationState === 'INSTALLATION_FAILED') return outcome
  const isSameVersion = before.installedVersionCode === row.installedVersionCode
  const isToldStill = before.drift === 'VERSION_CHANGED' && row.present && isSameVersion
  const drift = isToldStill ? before.drift : driftOf(row, around.targetVersionCode)
  const isNew = drift !== null && drift !== before.drift
  row.drift = drift
  if (isAbove(row, around)) row.packageId = around.observedPackageId ?? row.packageId
  if (isNew && drift === 'REMOVED') row.installationState = 'NOT_INSTALLED'
  if (drift !== 'REMOVED' && row.installationState === 'NOT_INSTALLED') row.installationState = 'INSTALLED'
  if (!isNew || around.repair !== 'auto') return outcome
  row.settled = false
  row.installationState = drift === 'REMOVED' ? 'PENDING' : row.installationState
  return { ...outcome, newRevision: true, deadlineInSeconds: waitingSeconds }
}

/** No camera goes back by itself: held to the lower version, it could not even be told to stop the app. */
const isAbove = ({ installedVersionCode }: InstallationRow, { targetVersionCode }: Surroundings): boolean =>
  installedVersionCode !== null && targetVersionCode !== null && installedVersionCode > targetVersionCode

function driftOf(row: InstallationRow, targetVersionCode: number | null): InstallationRow['drift'] {
  if (!row.present) return 'REMOVED'
  if (
    targetVersionCode !== null &&
    row.installedVersionCode !== null &&
    row.installedVersionCode !== targetVersionCode
  ) {
    return 'VERSION_CHANGED'
  }
  if (row.desiredRunningState === 'RUNNING' && row.runningState === 'NOT_RUNNING') return 'STOPPED'
  if (row.desiredRunningState === 'NOT_RUNNING' && row.runningState === 'RUNNING') return 'STARTED'
  return null
}
