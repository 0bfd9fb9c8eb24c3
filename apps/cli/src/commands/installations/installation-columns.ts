import type { Installation } from '@ocelli/sdk'
import type { Cell, Column } from '../../output/table.ts'
import { checkedByText } from '../licenses/checked-by.ts'

export const installationColumns: Column<Installation>[] = [
  { heading: 'APP', value: ({ appId }) => appId },
  { heading: 'NAME', value: ({ name }) => name },
  { heading: 'STATE', value: ({ installationState }) => installationState },
  { heading: 'RUNNING', value: ({ runningState }) => runningState },
  { heading: 'VERSION', value: ({ installedVersion }) => installedVersion },
  {
    heading: 'LATEST',
    value: ({ latestVersion, updatable }) => (updatable ? `${latestVersion} (update)` : latestVersion),
  },
  { heading: 'LICENSE', value: ({ license }) => license?.licenseType },
  // of an app that is not ours no unit is taken, so nothing is counted either
  {
    heading: 'CHECKED BY',
    value: ({ managed, licenseCheckedBy }) => (managed ? checkedByText(licenseCheckedBy) : null),
  },
  { heading: 'MANAGED', value: ({ managed }) => managed },
  { heading: 'PROGRESS', value: progressText },
  { heading: 'ERROR', value: ({ error }) => (error ? `${error.code}: ${error.detail}` : null) },
]

export function progressText({ progress, queued, drift }: Installation): string | null {
  if (progress)
    return [progress.step, progress.percent === null ? null : `${progress.percent}%`].filter(Boolean).join(' ')
  if (queued) return 'queued until the device returns'
  return drift ? `drift: ${drift}` : null
}

export function installationFields(installation: Installation): [string, Cell][] {
  const { error, license, managed, licenseCheckedBy } = installation
  return [
    ['app', installation.appId],
    ['device', installation.deviceId],
    ['state', installation.installationState],
    ['running', installation.runningState],
    ['settled', installation.settled],
    ['version', installation.installedVersion],
    ['target version', installation.targetVersion],
    ['latest version', installation.latestVersion],
    [
      'license',
      license && [license.licenseType, license.validUntil && `until ${license.validUntil}`].filter(Boolean).join(' '),
    ],
    ['license checked by', managed ? checkedByText(licenseCheckedBy) : null],
    ['progress', progressText(installation)],
    ['error', error && `${error.code}: ${error.detail}`],
  ]
}
