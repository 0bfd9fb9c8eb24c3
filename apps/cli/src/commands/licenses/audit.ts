import type { CommandContext } from '../../command-context.ts'
import { type ExitCode, exitCodes } from '../../exit-code.ts'

export async function auditLicenses({ client, out, say }: CommandContext): Promise<ExitCode> {
  const audit = await (await client()).licenses.audit()
  const code = audit.ok ? exitCodes.ok : exitCodes.someFailed
  if (out.isJson) {
    out.one(audit, [])
    return code
  }
  await out.list(audit.orders, [
    { heading: 'ORDER', value: ({ orderId }) => orderId },
    { heading: 'APP', value: ({ appId }) => appId },
    { heading: 'TYPE', value: ({ licenseType }) => licenseType },
    { heading: 'TOTAL', value: ({ total }) => total, align: 'right' },
    { heading: 'USED', value: ({ used }) => used, align: 'right' },
    { heading: 'COUNTED', value: ({ counted }) => counted, align: 'right' },
    { heading: 'RIGHT', value: ({ ok }) => ok },
  ])
  await out.list(audit.findings, [
    { heading: 'SEVERITY', value: ({ severity }) => severity },
    { heading: 'CODE', value: (finding) => finding.code },
    { heading: 'WHAT', value: ({ detail }) => detail },
  ])
  say(audit.ok ? 'Counters, licenses and events agree.' : 'Counters, licenses and events do NOT agree; see above.')
  return code
}
