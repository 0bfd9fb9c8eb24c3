import { resolve } from 'node:path'
import { isOcelliError } from '@ocelli/sdk'
import { saveApp } from '@ocelli/sdk/node'
import { CliError } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { fileFailed } from '../../profile/private-file.ts'

export interface DownloadFlags {
  version?: string
  architecture?: string
  device?: string
  output?: string
}

export async function downloadApp(appId: string, flags: DownloadFlags, context: CommandContext): Promise<void> {
  const { cwd, out, progress, signal, say } = context
  const client = await context.client()
  const { version: asked, architecture, device: deviceId } = flags
  const version = asked ?? (deviceId === undefined ? (await client.apps.get(appId)).latestVersion : null)
  if (version === null && deviceId === undefined)
    throw new CliError('not-found', `${appId} has no version to download.`)
  const path = resolve(cwd, flags.output ?? (await fileNameOf(appId, version, client)))
  const saved = await progress.run(`Download ${appId} ${version ?? ''}`.trim(), async (tell) => {
    try {
      return await saveApp(client, {
        ...{ appId, path, version: version ?? undefined, architecture, deviceId, signal },
        onProgress: (received, total) => tell(`${total > 0 ? Math.floor((received / total) * 100) : 100}%`),
      })
    } catch (error) {
      if (isOcelliError(error) || signal.aborted) throw error
      throw fileFailed(`${path} cannot be written`, error)
    }
  })
  out.text({ appId, version, path, ...saved }, path)
  if (!out.isJson) say(`${saved.size} bytes, SHA-256 ${saved.sha256}`)
}

/** Ids and versions hold no separators of folders by the API's own rules; what a name may not hold becomes `_`. */
async function fileNameOf(
  appId: string,
  version: string | null,
  { apps }: Awaited<ReturnType<CommandContext['client']>>,
): Promise<string> {
  const formats = version === null ? [] : (await apps.version(appId, version)).packages.map(({ format }) => format)
  const name = `${appId}${version === null ? '' : `-${version}`}`.replace(/[^A-Za-z0-9._-]/g, '_')
  return `${name}.${formats[0] ?? 'package'}`
}
