import type { CommandContext } from '../../command-context.ts'

export async function listBundles({ client, out }: CommandContext): Promise<void> {
  await out.list(
    await (await client()).bundles.list(),
    [
      { heading: 'BUNDLE', value: ({ bundleId }) => bundleId },
      { heading: 'MADE', value: ({ createdAt }) => createdAt },
      { heading: 'GOOD UNTIL', value: ({ expiresAt }) => expiresAt },
      { heading: 'LICENSES', value: ({ licenses }) => licenses, align: 'right' },
      { heading: 'REPORTED', value: ({ reported }) => reported, align: 'right' },
      { heading: 'ROOT KEY', value: ({ rootThumbprint }) => rootThumbprint },
    ],
    { empty: 'No bundles yet. Make one with: ocelli offline bundle' },
  )
}

/** What became of each app for each device when the bundle was made. */
export async function showBundle(bundleId: string, { client, out }: CommandContext): Promise<void> {
  const bundle = await (await client()).bundles.get(bundleId)
  if (out.isJson) return out.one(bundle, [])
  out.one(bundle, [
    ['bundle', bundle.bundleId],
    ['made', bundle.createdAt],
    ['good until', bundle.expiresAt],
    ['root key', bundle.rootThumbprint],
    ['packages', bundle.packages.map(({ appId, version, format }) => `${appId} ${version} (${format})`)],
  ])
  await out.list(bundle.devices, [
    { heading: 'DEVICE', value: ({ deviceId }) => deviceId },
    { heading: 'APP', value: ({ appId }) => appId },
    { heading: 'OUTCOME', value: ({ outcome }) => outcome },
    { heading: 'LICENSE', value: ({ licenseId }) => licenseId },
    { heading: 'WHY', value: ({ detail }) => detail },
  ])
}

export async function listSigningKeys({ client, out }: CommandContext): Promise<void> {
  await out.list(
    await (await client()).signingKeys.list(),
    [
      { heading: 'KEY', value: ({ keyId }) => keyId },
      { heading: 'MACHINE', value: ({ name }) => name },
      { heading: 'SINCE', value: ({ createdAt }) => createdAt },
    ],
    { empty: 'No machine signs receipts for you yet.' },
  )
}

export async function removeSigningKey(keyId: string, { client, confirm, out }: CommandContext): Promise<void> {
  await confirm(`Remove the key ${keyId}? Receipts that it signed and that were not reported yet are refused.`)
  await (await client()).signingKeys.remove(keyId)
  out.done({ keyId, removed: true }, `${keyId} is removed: its receipts count no more.`)
}
