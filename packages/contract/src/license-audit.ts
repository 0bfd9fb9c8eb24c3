import { type Static, Type } from 'typebox'
import { LicenseType } from './installation.ts'
import { OrderState } from './license.ts'
import { AppId, DeviceId, nullable, oneOf, Uuid } from './schema.ts'

/**
 * `units-miscounted`: an order's counter is not the number of its licenses. `events-mismatch`: a license's events do not
 * lead to its state. `license-conflict`: an app is on a camera though its license was given back; a warning, for people.
 */
export const AuditFinding = Type.Object({
  code: oneOf(['units-miscounted', 'events-mismatch', 'license-conflict']),
  severity: oneOf(['ERROR', 'WARNING']),
  detail: Type.String(),
  orderId: nullable(Uuid),
  licenseId: nullable(Uuid),
  deviceId: nullable(DeviceId),
  appId: nullable(AppId),
})
export type AuditFinding = Static<typeof AuditFinding>

const Count = Type.Integer({ minimum: 0 })

export const LicenseAudit = Type.Object(
  {
    accountId: Uuid,
    orders: Type.Array(
      Type.Object({
        orderId: Uuid,
        appId: AppId,
        licenseType: LicenseType,
        state: OrderState,
        total: Type.Integer(),
        used: Type.Integer({ description: 'What the counter says.' }),
        counted: Type.Integer({ description: 'Licenses that hold a unit, counted now.' }),
        ok: Type.Boolean(),
      }),
    ),
    events: Type.Object({
      reserved: Count,
      issued: Count,
      renewed: Count,
      released: Count,
      expired: Count,
      transferredIn: Count,
      transferredOut: Count,
      ok: Type.Boolean(),
    }),
    ok: Type.Boolean({ description: 'Nothing of severity ERROR was found.' }),
    findings: Type.Array(AuditFinding, { description: 'The first 1000.' }),
  },
  { $id: 'LicenseAudit' },
)
export type LicenseAudit = Static<typeof LicenseAudit>
