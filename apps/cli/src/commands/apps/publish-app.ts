import { resolve } from 'node:path'
import type { App, AppVersion } from '@ocelli/sdk'
import { packageFile } from '@ocelli/sdk/node'
import type { CommandContext } from '../../command-context.ts'
import { fileFailed } from '../../profile/private-file.ts'

export interface PublishFlags {
  visibility?: App['visibility']
  name?: string
}

export async function publishApps(files: string[], flags: PublishFlags, context: CommandContext): Promise<void> {
  const { client, cwd, out, progress } = context
  const { apps } = await client()
  const published: AppVersion[] = []
  for (const file of files) {
    const path = resolve(cwd, file)
    const source = await openPackage(path)
    published.push(await progress.run(`Publish ${file} (${source.size} bytes)`, () => apps.publish(source, flags)))
  }
  await out.list(published, [
    { heading: 'APP', value: ({ appId }) => appId },
    { heading: 'VERSION', value: ({ version }) => version },
    {
      heading: 'PACKAGES',
      value: ({ packages }) => packages.map(({ format, architectures }) => [format, ...architectures].join(' ')),
    },
    { heading: 'PUBLISHED', value: ({ publishedAt }) => publishedAt },
  ])
}

async function openPackage(path: string): Promise<Blob> {
  try {
    return await packageFile(path)
  } catch (error) {
    throw fileFailed(`${path} cannot be read`, error)
  }
}
