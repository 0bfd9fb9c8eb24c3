import { CliError } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { checkProfileName } from '../../profile/profile-store.ts'

export async function listProfiles({ profiles: store, out }: CommandContext): Promise<void> {
  const { current, profiles } = await store.read()
  const rows = Object.entries(profiles).map(([name, { url, ca, credentials }]) => ({
    ...{ name, url, current: name === current, ownCa: ca !== null, kind: credentials.kind },
  }))
  await out.list(
    rows,
    [
      { heading: 'PROFILE', value: ({ name }) => name },
      { heading: 'PLATFORM', value: ({ url }) => url },
      { heading: 'SIGNED IN BY', value: ({ kind }) => kind },
      { heading: 'OWN CA', value: ({ ownCa }) => ownCa },
      { heading: 'CURRENT', value: (row) => row.current },
    ],
    { empty: 'No profiles yet. Make one with: ocelli login --url https://...' },
  )
}

export async function useProfile(given: string, { profiles: store, out }: CommandContext): Promise<void> {
  const name = checkProfileName(given)
  await store.change((all) => {
    if (Object.hasOwn(all.profiles, name)) return { ...all, current: name }
    throw new CliError('not-found', `There is no profile ${name}. See: ocelli profiles list`)
  })
  out.done({ current: name }, `${name} is the current profile now.`)
}
