import type { App } from '@ocelli/sdk'
import type { CommandContext } from '../../command-context.ts'
import type { Cell } from '../../output/table.ts'
import { checkedByText } from '../licenses/checked-by.ts'

export const appFields = (app: App): [string, Cell][] => [
  ['app', app.appId],
  ['name', app.name],
  ['about', app.shortDescription],
  ['visibility', app.visibility],
  ['own', app.own],
  ['latest version', app.latestVersion],
  ['trial days', app.trialDays],
  ['license checked by', checkedByText(app.licenseCheckedBy)],
  ['license file goes to', placementText(app.licensePlacement)],
  ['website', app.website],
  ['industries', app.industries],
  ['use cases', app.useCases],
  ['projects', app.projectIds],
]

function placementText(placement: App['licensePlacement']): string | null {
  switch (placement?.kind) {
    case 'CAMERA':
      return 'the camera'
    case 'PARAMETER':
      return `the parameter ${placement.name}`
    case 'APP_PATH':
      return `the path ${placement.path}`
    case undefined:
      return null
  }
}

export async function showApp(appId: string, { client, out }: CommandContext): Promise<void> {
  const { apps } = await client()
  const [app, versions] = await Promise.all([apps.get(appId), apps.versions(appId)])
  out.one({ ...app, versions }, appFields(app))
  if (out.isJson) return
  const packages = versions.flatMap(({ version, withdrawnAt, packages: all }) =>
    all.map((one) => ({ version, withdrawnAt, ...one })),
  )
  await out.list(packages, [
    { heading: 'VERSION', value: ({ version, withdrawnAt }) => (withdrawnAt ? `${version} (withdrawn)` : version) },
    { heading: 'FORMAT', value: ({ format }) => format },
    { heading: 'ARCHITECTURES', value: ({ architectures }) => (architectures.length > 0 ? architectures : 'any') },
    { heading: 'BYTES', value: ({ size }) => size, align: 'right' },
    { heading: 'SHA-256', value: ({ sha256 }) => sha256 },
    { heading: 'PUBLISHED', value: ({ publishedAt }) => publishedAt },
  ])
}
