import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import { admit, type RolloutWish } from './admission-rules.ts'
import { type DeviceSituation, readDeviceSituations, type Wanted } from './device-situations.ts'
import { type WayBack, wayBackOf } from './way-back.ts'

export interface AcceptedGaps {
  acceptDataLoss?: boolean | null | undefined
  acceptWithoutRollback?: boolean | null | undefined
}

const chunk = 1000

/** The way back of a device that the rollout would change; null for one that it would leave as it is. Pure. */
export function wayBackIfChanged(wish: RolloutWish, situation: DeviceSituation): WayBack | null {
  const { kind } = admit(wish, situation)
  return kind === 'change' || kind === 'offline' || kind === 'wait' ? wayBackOf(situation) : null
}

export const isAccepted = ({ ability }: WayBack, gaps: AcceptedGaps): boolean => {
  switch (ability) {
    case 'KEEPS_DATA':
      return true
    case 'LOSES_DATA':
      return gaps.acceptDataLoss === true
    case 'IMPOSSIBLE':
      return gaps.acceptWithoutRollback === true
  }
}

/** Throws `downgrade` when devices of the rollout could not be set back, or lose data by it, and the request does not accept that. */
export async function requireWayBack(
  db: Database,
  rollout: Wanted & { rolloutId: string },
  { wish, gaps }: { wish: RolloutWish; gaps: AcceptedGaps },
): Promise<void> {
  const counts = { LOSES_DATA: 0, IMPOSSIBLE: 0 }
  let total = 0
  for (let after = ''; ; ) {
    const { rows } = await sql<{ device_id: string }>`SELECT rd.device_id FROM rollout_device rd
      WHERE rd.rollout_id = ${rollout.rolloutId} AND rd.device_id > ${after} ORDER BY rd.device_id LIMIT ${chunk}`.execute(
      db,
    )
    const deviceIds = rows.map((row) => row.device_id)
    for (const situation of await readDeviceSituations(db, { ...rollout, withPrevious: true }, { deviceIds })) {
      const way = wayBackIfChanged(wish, situation)
      if (way && way.ability !== 'KEEPS_DATA' && !isAccepted(way, gaps)) counts[way.ability] += 1
    }
    total += deviceIds.length
    if (deviceIds.length < chunk) break
    after = deviceIds.at(-1) ?? ''
  }
  const sentences = [
    ...(counts.LOSES_DATA > 0
      ? [
          `${counts.LOSES_DATA} of ${total} devices would lose the app's data if they were set back; "acceptDataLoss": true accepts that.`,
        ]
      : []),
    ...(counts.IMPOSSIBLE > 0
      ? [
          `${counts.IMPOSSIBLE} of ${total} devices cannot be set back; "acceptWithoutRollback": true leaves those on the new version.`,
        ]
      : []),
  ]
  if (sentences.length > 0) throw new ProblemError('downgrade', `${sentences.join(' ')} A dry run names them.`)
}
