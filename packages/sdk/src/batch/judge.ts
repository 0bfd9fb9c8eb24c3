import type { Installation } from '@ocelli/contract'
import { isOcelliError, type OcelliError } from '../errors/ocelli-error.ts'
import type { BatchAction, BatchError } from './batch-types.ts'

export type Judgement = { kind: 'reached' } | { kind: 'missed'; error: BatchError }

const passing = new Set(['device-unreachable', 'network', 'timeout'])

/** Whether a settled installation is what the action was to bring about. Pure. */
export function judge(action: BatchAction, now: Installation, accepted: Installation): Judgement {
  if (isReached(action, now, accepted)) return { kind: 'reached' }
  const { error } = now
  if (error) {
    const { code, detail, category } = error
    return { kind: 'missed', error: { code, detail, category, retryable: error.retryable || passing.has(category) } }
  }
  const detail = `The device ended in ${now.installationState}, ${now.runningState}: another request came in between.`
  return { kind: 'missed', error: { code: 'superseded', detail, category: null, retryable: false } }
}

function isReached(action: BatchAction, now: Installation, { targetVersion }: Installation): boolean {
  const isWell = now.error === null && now.installationState === 'INSTALLED'
  switch (action.kind) {
    case 'install':
      if (action.start && now.runningState !== 'RUNNING') return false
      return isWell && (action.version === undefined || now.installedVersion === action.version)
    case 'update':
      return isWell && (targetVersion === null || now.installedVersion === targetVersion || !now.updatable)
    case 'uninstall':
      return now.installationState === 'NOT_INSTALLED'
    case 'start':
      return isWell && now.runningState === 'RUNNING'
    case 'stop':
      return isWell && now.runningState === 'NOT_RUNNING'
  }
}

/** A refused request, as the result of its device. A device that is away may come back. */
export function refusal(error: OcelliError): BatchError {
  const retryable = error.retryable || error.code === 'device-offline'
  return { code: error.code, detail: error.message, category: null, retryable }
}

/** What would refuse every other device as well, the end of the whole client among it. */
export const endsBatch = (error: unknown): error is OcelliError =>
  isOcelliError(error) && ['unauthenticated', 'forbidden', 'invalid-options', 'cancelled'].includes(error.kind)
