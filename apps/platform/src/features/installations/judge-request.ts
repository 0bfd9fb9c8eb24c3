import type { LicenseType } from '@ocelli/contract'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import { judgeCandidate } from '../apps/fitting-package.ts'
import type { Attempt } from './carry-out.ts'
import type { InstallationRequest } from './installation-request.ts'
import { type Decision, decide, type TargetPackage } from './request-rules.ts'
import type { AnsweredSituation, Pair, Situation } from './situation.ts'

/** What a request comes to in its situation, before anything is written. */
export type Judgement =
  | { kind: 'refused'; error: unknown }
  | { kind: 'unchanged'; status: 200 | 202 }
  | { kind: 'cancel'; attempt: Attempt }
  | {
      kind: 'change'
      attempt: Attempt
      decision: Decision & { kind: 'change' }
      /** A unit of this type must be found for it. */
      reserves: LicenseType | null
      queued: boolean
    }

/** The rules, and what every request must meet before them. Pure; a refusal is told, not thrown. */
export function judgeRequest(request: InstallationRequest, situation: AnsweredSituation): Judgement {
  try {
    return judge(request, situation)
  } catch (error) {
    return { kind: 'refused', error }
  }
}

function judge(request: InstallationRequest, situation: AnsweredSituation): Judgement {
  const { caller, origin, question, whenOffline } = request
  const device = requireKnown(situation, question)
  const decision = decide(request.wish(situation), situation)
  if (decision.kind === 'unchanged') return decision
  const { appId, deviceId } = question
  const attempt = {
    accountId: caller.accountId,
    pair: { appId, deviceId },
    expectedRevision: device.revision,
    projectIds: device.projectIds,
    origin,
  }
  if (decision.kind === 'cancel') return { kind: 'cancel', attempt }
  const queued = device.connectivity !== 'ONLINE'
  if (queued && whenOffline !== 'queue') {
    throw new ProblemError(
      'device-offline',
      `The device is ${device.connectivity}${device.connectivityReason ? ` (${device.connectivityReason})` : ''}. Try again when it is back, or send ?whenOffline=queue.`,
    )
  }
  const reserves = decision.license.kind === 'reserve' ? decision.license.licenseType : null
  return { kind: 'change', attempt, decision, reserves, queued }
}

function requireKnown(
  { device, appVisible, installation }: Situation,
  { deviceId, appId }: Pair,
): NonNullable<Situation['device']> {
  if (!device) throw notFound(`The device ${deviceId}`)
  if (device.state === 'UNCLAIMED') {
    throw new ProblemError(
      'device-unclaimed',
      'The device is not claimed, so no gateway can reach it. Claim it, or install its license by hand.',
    )
  }
  if (!appVisible && !installation.managed && !installation.present) throw notFound(`The app ${appId}`)
  return device
}

export function requireApp({ appVisible }: Situation, { appId }: Pair): void {
  if (!appVisible) throw notFound(`The app ${appId}`)
}

export function requireTarget(
  { device, candidate }: AnsweredSituation,
  { pair, version }: { pair: Pair; version?: string | undefined },
): TargetPackage {
  if (!device) throw notFound(`The device ${pair.deviceId}`)
  const found = judgeCandidate(candidate, { device, version })
  switch (found.kind) {
    case 'fits':
      return found.package
    case 'none-published':
      throw notFound(`A published version of the app ${pair.appId}`)
    case 'unknown-version':
      throw notFound(`Version ${version} of the app ${pair.appId}`)
    case 'incompatible':
      throw new ProblemError('incompatible', found.detail)
  }
}
