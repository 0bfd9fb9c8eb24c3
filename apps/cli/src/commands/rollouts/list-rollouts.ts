import type { RolloutDeviceState, RolloutState } from '@ocelli/sdk'
import type { CommandContext } from '../../command-context.ts'
import { atMost } from '../../output/at-most.ts'
import { countersText, rolloutFields } from './rollout-fields.ts'

export interface ListRolloutsFlags {
  state?: RolloutState
  app?: string
  limit?: number
}

export interface RolloutDevicesFlags {
  state?: RolloutDeviceState
  limit?: number
}

export async function listRollouts(flags: ListRolloutsFlags, { client, out }: CommandContext): Promise<void> {
  const { state, app: appId, limit } = flags
  await out.list(
    atMost((await client()).rollouts.list({ state, appId }), limit),
    [
      { heading: 'ROLLOUT', value: ({ rolloutId }) => rolloutId },
      { heading: 'NAME', value: ({ name }) => name },
      { heading: 'ACTION', value: ({ action }) => action },
      { heading: 'APP', value: (rollout) => rollout.appId },
      { heading: 'STATE', value: (rollout) => rollout.state },
      { heading: 'DEVICES', value: ({ counters }) => countersText(counters) },
      { heading: 'MADE', value: ({ createdAt }) => createdAt },
    ],
    { empty: 'No rollouts match.' },
  )
}

export async function showRollout(rolloutId: string, { client, out }: CommandContext): Promise<void> {
  const rollout = await (await client()).rollouts.get(rolloutId)
  out.one(rollout, rolloutFields(rollout))
}

/** What happened to one device, step by step. */
export async function showRolloutDevice(
  { rolloutId, deviceId }: { rolloutId: string; deviceId: string },
  { client, out }: CommandContext,
): Promise<void> {
  const device = await (await client()).rollouts.device(rolloutId, deviceId)
  out.one(device, [
    ['device', device.deviceId],
    ['wave', device.wave],
    ['state', device.state],
    ['attempts', device.attempts],
    ['reason', device.reason],
    ['why', device.error?.detail ?? device.detail],
    ['next attempt', device.nextAttemptAt],
  ])
  if (out.isJson) return
  await out.list(device.history, [
    { heading: 'AT', value: ({ at }) => at },
    { heading: 'WHAT', value: ({ type }) => type },
    { heading: 'DATA', value: ({ data }) => JSON.stringify(data) },
  ])
}

export async function listRolloutDevices(
  rolloutId: string,
  { state, limit }: RolloutDevicesFlags,
  { client, out }: CommandContext,
): Promise<void> {
  await out.list(
    atMost((await client()).rollouts.devices(rolloutId, { state }), limit),
    [
      { heading: 'DEVICE', value: ({ deviceId }) => deviceId },
      { heading: 'WAVE', value: ({ wave }) => wave, align: 'right' },
      { heading: 'STATE', value: (device) => device.state },
      { heading: 'ATTEMPTS', value: ({ attempts }) => attempts, align: 'right' },
      { heading: 'REASON', value: ({ reason }) => reason },
      { heading: 'WHY', value: ({ error, detail }) => error?.detail ?? detail },
      { heading: 'NEXT ATTEMPT', value: ({ nextAttemptAt }) => nextAttemptAt },
    ],
    { empty: 'No devices match.' },
  )
}
