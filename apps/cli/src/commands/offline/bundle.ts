import { isAbsolute, join } from 'node:path'
import { type PackageFormat, packageFormats } from '@ocelli/contract'
import type { BundleRequest } from '@ocelli/sdk'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { type ExitCode, exitCodes } from '../../exit-code.ts'
import { makeBundle } from '../../offline/make-bundle.ts'
import { readSiteFile, type SiteCamera } from '../../offline/site-file.ts'
import { rememberRoot } from '../../offline/trusted-roots.ts'
import { type ChoiceFlags, chooseApps } from './choose-apps.ts'

export interface BundleFlags extends ChoiceFlags {
  site?: string
  device: string[]
  out: string
}

const maxDevices = 1000

export async function bundle(flags: BundleFlags, context: CommandContext): Promise<ExitCode> {
  const { cwd, say, out } = context
  const apps = chooseApps(flags)
  const devices = await chooseDevices(flags, context)
  const path = isAbsolute(flags.out) ? flags.out : join(cwd, flags.out)
  const made = await buildBundle({ apps, devices, validDays: flags.validDays }, path, context)
  const misfits = made.devices.filter(({ outcome }) => outcome === 'INCOMPATIBLE')
  if (out.isJson) out.one({ path, ...made, manifest: undefined, keyCertificate: undefined }, [])
  else {
    await out.list(made.devices, [
      { heading: 'DEVICE', value: ({ deviceId }) => deviceId },
      { heading: 'APP', value: ({ appId }) => appId },
      { heading: 'RESULT', value: ({ outcome }) => outcome },
      { heading: 'WHY', value: ({ detail }) => detail },
    ])
    say(`Written to ${path}; it can be applied until ${made.expiresAt}.`)
    say(`On a machine that does not know this platform, apply it with: --root ${made.rootThumbprint}`)
  }
  return misfits.length > 0 ? exitCodes.someFailed : exitCodes.ok
}

/** Makes a bundle and remembers the platform's root on this machine. */
export async function buildBundle(request: BundleRequest, path: string, context: CommandContext) {
  const { configFolder, progress, signal } = context
  const client = await context.client()
  const made = await progress.run('Making the bundle', (tell) =>
    makeBundle({ client, request, path, packageFolder: join(configFolder, 'packages'), signal, tell }),
  )
  const { url } = await context.connection()
  await rememberRoot(context, { thumbprint: made.rootThumbprint, url })
  return made
}

async function chooseDevices(
  { site, device }: BundleFlags,
  { cwd, say }: CommandContext,
): Promise<BundleRequest['devices']> {
  const cameras = site === undefined ? [] : (await readSiteFile(isAbsolute(site) ? site : join(cwd, site))).cameras
  const nameless = cameras.filter(({ deviceId }) => deviceId === null).length
  if (nameless > 0) say(`${nameless} cameras of the site file are left out: their device id is not known.`)
  const devices = new Map(device.map((deviceId) => [deviceId, { deviceId } as BundleRequest['devices'][number]]))
  for (const camera of cameras) if (camera.deviceId !== null) devices.set(camera.deviceId, describe(camera))
  if (devices.size === 0) throw wrongUsage('Say for which cameras: --site or --device.')
  if (devices.size > maxDevices) throw wrongUsage(`A bundle is for ${maxDevices} cameras at most; make several.`)
  return [...devices.values()]
}

/** What decides which package fits. */
export function describe(camera: SiteCamera): BundleRequest['devices'][number] {
  const { deviceId, architecture, platformLevel, firmwareVersion, unsignedApps, appFormats } = camera
  const formats = appFormats.filter((format): format is PackageFormat =>
    packageFormats.some((known) => known === format),
  )
  return {
    deviceId: deviceId ?? '',
    ...{ architecture, platformLevel, firmwareVersion, unsignedApps },
    ...(formats.length > 0 ? { formats } : {}),
  }
}
