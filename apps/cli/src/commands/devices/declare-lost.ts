import type { LostDevice } from '@ocelli/sdk'
import type { CommandContext } from '../../command-context.ts'

export async function declareLost(
  deviceId: string,
  { reason, reset }: { reason: string; reset?: boolean },
  { client, confirm, out }: CommandContext,
): Promise<void> {
  const state: LostDevice['state'] = reset ? 'RESET' : 'LOST'
  const what = reset ? 'was reset and has lost its apps' : 'is gone for good'
  await confirm(`Declare that ${deviceId} ${what}? All of its units return.`)
  const released = await (await client()).devices.declareLost(deviceId, { reason, state })
  out.one(released, [
    ['device', released.deviceId],
    ['state', released.state],
    ['licenses released', released.licenseIds],
  ])
}
