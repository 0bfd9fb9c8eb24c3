import { isAbsolute, join } from 'node:path'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { type LoginFlags, readCameraLogin } from '../../offline/camera-password.ts'
import type { CameraLogin } from '../../offline/open-camera.ts'
import { readSiteFile } from '../../offline/site-file.ts'
import { findCameras } from '../discover/discover.ts'

export interface CameraFlags extends LoginFlags {
  camera: string[]
  site?: string
  all?: boolean
  range: string[]
  wait?: number
  concurrency: number
}

/** The cameras to work on, each once, with their login. Throws `wrong-usage` when none is named or found. */
export async function chooseCameras(flags: CameraFlags, context: CommandContext): Promise<CameraLogin[]> {
  const addresses = new Set(flags.camera)
  if (flags.site !== undefined) {
    const path = isAbsolute(flags.site) ? flags.site : join(context.cwd, flags.site)
    for (const { addresses: known } of (await readSiteFile(path)).cameras) if (known[0]) addresses.add(known[0])
  }
  if (flags.all) {
    const findings = await findCameras(flags.range, { multicast: true, wait: flags.wait }, context)
    // of those that are known to run no apps nothing can be wanted, and a login tried there is one too many
    for (const { addresses: found, runsApps } of findings) if (found[0] && runsApps !== false) addresses.add(found[0])
  }
  if (addresses.size === 0) throw wrongUsage('No camera: name some with --camera or --site, or take --all that answer.')
  const login = await readCameraLogin(flags, context)
  if (login === null) throw wrongUsage('Give the login of the cameras with --user.')
  return [...addresses].map((address) => ({ address, ...login }))
}
