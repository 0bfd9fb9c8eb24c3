import type { CommandContext } from '../../command-context.ts'

export async function showApp(appId: string, { client, out }: CommandContext): Promise<void> {
  const { apps } = await client()
  const [app, versions] = await Promise.all([apps.get(appId), apps.versions(appId)])
  out.one({ ...app, versions }, [
    ['app', app.appId],
    ['name', app.name],
    ['about', app.shortDescription],
    ['visibility', app.visibility],
    ['own', app.own],
    ['latest version', app.latestVersion],
    ['trial days', app.trialDays],
    ['website', app.website],
  ])
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
