import type { Pair } from '@ocelli/sdk'
import type { CommandContext } from '../../command-context.ts'
import { installationFields } from './installation-columns.ts'

export async function showInstallation(pair: Pair, { client, out }: CommandContext): Promise<void> {
  const now = await (await client()).installations.get(pair)
  out.one(now, installationFields(now))
}
