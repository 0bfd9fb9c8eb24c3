import type { DeviceResult } from '@ocelli/sdk'
import type { Output } from '../../output/output.ts'

const words: Record<DeviceResult['kind'], string> = {
  succeeded: 'done',
  failed: 'FAILED',
  unsettled: 'accepted',
  'not-sent': 'NOT SENT',
}

/** What came of each device of a batch. */
export async function printResults(results: DeviceResult[], out: Output): Promise<void> {
  await out.list(results, [
    { heading: 'DEVICE', value: ({ deviceId }) => deviceId },
    { heading: 'RESULT', value: (result) => (isUnchanged(result) ? 'done before' : words[result.kind]) },
    { heading: 'STATE', value: (result) => ('installation' in result ? result.installation?.installationState : null) },
    {
      heading: 'VERSION',
      value: (result) => ('installation' in result ? result.installation?.installedVersion : null),
    },
    { heading: 'ATTEMPTS', value: ({ attempts }) => attempts, align: 'right' },
    {
      heading: 'ERROR',
      value: (result) =>
        'error' in result && result.kind !== 'unsettled' ? `${result.error.code}: ${result.error.detail}` : null,
    },
  ])
}

const isUnchanged = (result: DeviceResult): boolean => result.kind === 'succeeded' && !result.changed
