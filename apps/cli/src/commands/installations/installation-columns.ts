import type { Installation } from '@ocelli/sdk'
import type { Column } from '../../output/table.ts'

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
