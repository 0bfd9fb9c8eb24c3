import type { LicenseType, Rollout, RolloutDeviceState, RolloutStrategy } from '@ocelli/contract'
import { ProblemError } from '../../platform/http/problem.ts'
import { explainMisfit } from '../apps/fitting-package.ts'
import { type Decision, decide, type Wish } from '../installations/request-rules.ts'
import type { DeviceSituation } from './device-situations.ts'
import { objectionTo } from './rollback-rules.ts'

/** What a rollout wishes of each of its devices. */
export interface RolloutWish {
  action: Rollout['action']
  version: string | null
  licenseType: LicenseType | null
  whenOffline: Rollout['whenOffline']
  /** The rollout that this one undoes; each device goes back to the version that it had. */
  rollbackOf?: string | null
  strategy?: Pick<RolloutStrategy, 'acceptDataLoss'>
}

type EndState = Extract<RolloutDeviceState, 'ALREADY_DONE' | 'REJECTED' | 'SKIPPED' | 'FAILED' | 'CANCELLED'>

export type Admission =
  | { kind: 'change'; decision: Decision & { kind: 'change' } }
  /** A wish that has not left the platform is taken back at once. */
  | { kind: 'take-back' }
  /** The same wish of somebody else is under way: its outcome is this device's. */
  | { kind: 'adopt'; revision: number }
  | { kind: 'offline'; detail: string }
  /** In flight in another rollout. */
  | { kind: 'wait' }
  | { kind: 'end'; state: EndState; reason: string; detail: string }

/** Whether a device of a rollout is admitted now, and why not. The rules are those of a single request. Pure. */
export function admit(wish: RolloutWish, situation: DeviceSituation): Admission {
  const { device } = situation
  if (!device) return end('CANCELLED', 'device-gone', 'The device is no longer in this account.')
  if (device.state === 'UNCLAIMED') {
    return end('REJECTED', 'device-unclaimed', 'The device is not claimed, so no gateway can reach it.')
  }
  if (situation.isInFlightElsewhere) return { kind: 'wait' }
  const decision = decideOrRefuse(wish, situation)
  if ('state' in decision) return decision
  if (decision.kind === 'unchanged') {
    if (decision.status === 202) return { kind: 'adopt', revision: situation.installation.revision }
    return end('ALREADY_DONE', 'already-done', 'The device is as wished already.')
  }
  if (decision.kind === 'cancel') return { kind: 'take-back' }
  if (device.connectivity === 'ONLINE') return { kind: 'change', decision }
  const reason = device.connectivityReason ? ` (${device.connectivityReason})` : ''
  const detail = `The device is ${device.connectivity}${reason}.`
  if (wish.whenOffline === 'QUEUE') return { kind: 'offline', detail }
  return end(wish.whenOffline === 'SKIP' ? 'SKIPPED' : 'FAILED', 'device-offline', detail)
}

function decideOrRefuse(wish: RolloutWish, situation: DeviceSituation): Decision | (Admission & { kind: 'end' }) {
  try {
    const target = wishFor(wish, situation)
    return 'state' in target ? target : decide(target, situation)
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
    return end('REJECTED', error.code, error.message)
  }
}

function wishFor(wish: RolloutWish, situation: DeviceSituation): Wish | (Admission & { kind: 'end' }) {
  const { installation: now, target } = situation
  switch (wish.action) {
    case 'INSTALL': {
      if (!wish.licenseType) throw new Error('An install rollout has a license type.')
      const keeps = wish.version === null && now.presence === 'PRESENT' && now.packageId !== null
      const install = { kind: 'install' as const, licenseType: wish.licenseType, start: false, allowDowngrade: false }
      if (keeps) return { ...install, target: null }
      return target.kind === 'fits' ? { ...install, target: target.package } : misfit(wish, situation)
    }
    case 'UPDATE':
      if (wish.rollbackOf) return wayBackFor(wish, situation)
      if (!now.managed) {
        const detail = 'The app is not installed on this device by the platform. Install it first.'
        return end('REJECTED', 'app-not-installed', detail)
      }
      return target.kind === 'fits'
        ? { kind: 'update', target: target.package, allowDowngrade: false }
        : misfit(wish, situation)
    case 'UNINSTALL':
      return { kind: 'uninstall' }
    case 'START':
      return { kind: 'run', running: 'RUNNING' }
    case 'STOP':
      return { kind: 'run', running: 'NOT_RUNNING' }
  }
}

function wayBackFor(wish: RolloutWish, situation: DeviceSituation): Wish | (Admission & { kind: 'end' }) {
  const { target } = situation
  const objection = objectionTo(situation, { acceptDataLoss: wish.strategy?.acceptDataLoss === true })
  if (objection) return end(objection.state, objection.reason, objection.detail)
  if (target.kind !== 'fits') return misfit(wish, situation)
  return { kind: 'update', target: target.package, allowDowngrade: true }
}

function misfit({ version }: RolloutWish, { device, target }: DeviceSituation): Admission & { kind: 'end' } {
  if (target.kind !== 'misfit' || !device) {
    const detail = version
      ? `Version ${version} has been withdrawn.`
      : 'No published version of the app is left: all have been withdrawn.'
    return end('REJECTED', 'version-withdrawn', detail)
  }
  const { reason, detail } = explainMisfit(target.candidate, device)
  return end('REJECTED', reason, detail)
}

const end = (state: EndState, reason: string, detail: string): Admission & { kind: 'end' } => ({
  kind: 'end',
  state,
  reason,
  detail,
})
