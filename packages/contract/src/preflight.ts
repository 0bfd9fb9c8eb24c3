import { type Static, Type } from 'typebox'
import { DeviceId, nullable, oneOf } from './schema.ts'

const Count = Type.Integer({ minimum: 0 })

/** YES: would be done now. RISK: would be tried, and may be refused. LATER: once the device is back. NO: would not be done. */
export const PreflightVerdict = oneOf(['YES', 'RISK', 'LATER', 'NO'])
export type PreflightVerdict = Static<typeof PreflightVerdict>

/** LOSES_DATA: the device can be set back to the version that it has now, and the app's data is gone then. */
export const RollbackAbility = oneOf(['KEEPS_DATA', 'LOSES_DATA', 'IMPOSSIBLE'])
export type RollbackAbility = Static<typeof RollbackAbility>

/** What a rollout would do, for every selected device, grouped by reason. */
export const Preflight = Type.Object(
  {
    total: Count,
    ready: Count,
    units: nullable(Type.Object({ needed: Count, free: Count, missing: Count })),
    groups: Type.Array(
      Type.Object({
        verdict: PreflightVerdict,
        reason: Type.String({ description: 'A kebab-case code.' }),
        detail: Type.String(),
        count: Count,
        deviceIds: Type.Array(DeviceId),
      }),
    ),
    /** Null unless asked for: whether devices that would change can be set back. */
    rollback: nullable(
      Type.Object({
        accepted: Type.Boolean({ description: 'False: the rollout would be refused.' }),
        groups: Type.Array(
          Type.Object({
            ability: RollbackAbility,
            reason: Type.String({ description: 'A kebab-case code.' }),
            detail: Type.String(),
            count: Count,
            deviceIds: Type.Array(DeviceId),
          }),
        ),
      }),
    ),
  },
  { $id: 'Preflight' },
)
export type Preflight = Static<typeof Preflight>
