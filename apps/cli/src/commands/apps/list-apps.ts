import type { CommandContext } from '../../command-context.ts'

export interface ListAppsFlags {
  own?: boolean
  search?: string
  industry?: string
  useCase?: string
}

export async function listApps(flags: ListAppsFlags, { client, out }: CommandContext): Promise<void> {
  const { own, search: q, industry, useCase } = flags
  await out.list(
    (await client()).apps.list({ own, q, industry, useCase }),
    [
      { heading: 'APP', value: ({ appId }) => appId },
      { heading: 'NAME', value: ({ name }) => name },
      { heading: 'LATEST', value: ({ latestVersion }) => latestVersion },
      { heading: 'VISIBILITY', value: ({ visibility }) => visibility },
      { heading: 'OWN', value: (app) => app.own },
      { heading: 'ABOUT', value: ({ shortDescription }) => shortDescription },
    ],
    { empty: 'No apps match.' },
  )
}
