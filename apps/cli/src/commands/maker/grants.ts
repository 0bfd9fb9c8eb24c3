import { parsePublicKey } from '@ocelli/license'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { readNamedFile, readNamedJson } from '../../read-named-file.ts'

export async function importGrant(file: string, context: CommandContext): Promise<void> {
  const grant = (await readNamedFile(file, context)).trim()
  const { grants } = await context.client()
  const order = await grants.import(grant)
  context.out.one(order, [
    ['order', order.orderId],
    ['app', order.appId],
    ['license type', order.licenseType],
    ['units', order.total],
    ['state', order.state],
    ['valid until', order.validUntil],
  ])
}

export async function listGrants({ client, out }: CommandContext): Promise<void> {
  const { grants } = await client()
  await out.list(
    await grants.list(),
    [
      { heading: 'GRANT', value: ({ grantId }) => grantId },
      { heading: 'APP', value: ({ appId }) => appId },
      { heading: 'TYPE', value: ({ licenseType }) => licenseType },
      { heading: 'UNITS', value: ({ quantity }) => quantity, align: 'right' },
      { heading: 'ORDER', value: ({ orderId }) => orderId },
      { heading: 'IMPORTED', value: ({ importedAt }) => importedAt },
    ],
    { empty: 'No grant was imported.' },
  )
}

export async function trustMaker(appId: string, file: string, context: CommandContext): Promise<void> {
  const publicKey = await parsePublicKey(await readNamedJson(file, context))
  if (publicKey === null) throw wrongUsage(`${file} is no public key; the app's maker runs: ocelli maker public-key`)
  const { makerKeys } = await context.client()
  await makerKeys.add(appId, { publicKey })
  context.say(`Grants for ${appId} that ${publicKey.kid} has signed are believed from now on.`)
}
