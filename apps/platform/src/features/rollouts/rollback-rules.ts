import type { DeviceSituation } from './device-situations.ts'
import { wayBackOf } from './way-back.ts'

/** What stands against setting a device back; null: nothing. */
export interface Objection {
  state: 'CANCELLED' | 'REJECTED'
  reason: string
  detail: string
}

/**
 * Whether a device of a rollback is set back at its turn. It is left alone when somebody has wished something else since,
 * and when it would lose data that nobody gave up: devices join after the dry run, and cameras change. Pure.
 */
export function objectionTo(
  situation: DeviceSituation,
  { acceptDataLoss }: { acceptDataLoss: boolean },
): Objection | null {
  const { installation: now, targetVersionCode, rollback, target } = situation
  if (!rollback) throw new Error('A device of a rollback has the versions between which it goes.')
  const isOurs = [rollback.fromVersionCode, rollback.toVersionCode].includes(
    targetVersionCode ?? now.installedVersionCode ?? Number.NaN,
  )
  if (!now.managed || now.presence !== 'PRESENT' || !isOurs) {
    const detail = 'Somebody has asked for something else since, so the device is left as it is.'
    return { state: 'CANCELLED', reason: 'superseded', detail }
  }
  if (target.kind === 'none') {
    const detail = 'The version that the device had before has been withdrawn.'
    return { state: 'REJECTED', reason: 'version-withdrawn', detail }
  }
  if (!now.present || now.installedVersionCode === rollback.toVersionCode) return null
  const { ability, detail } = wayBackOf({ ...situation, previous: target })
  if (ability !== 'LOSES_DATA' || acceptDataLoss) return null
  return { state: 'REJECTED', reason: 'rollback-loses-data', detail }
}
