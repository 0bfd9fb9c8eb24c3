import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { atMost } from '../../output/at-most.ts'

export interface ListAppsFlags {
  own?: boolean
  others?: boolean
  limit?: number
  search?: string
  industry?: string
  useCase?: string
}

export async function listApps(flags: ListAppsFlags, { client, out }: CommandContext): Promise<void> {
  const { search: q, industry, useCase, limit } = flags
  if (flags.own && flags.others) throw wrongUsage('Choose one of --own and --others; without them all are listed.')
  const own = flags.others ? false : flags.own
  await out.list(
    atMost((await client()).apps.list({ own, q, industry, useCase }), limit),
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
