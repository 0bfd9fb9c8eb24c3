import { isAbsolute, join } from 'node:path'
import { discoverCameras, type Finding } from '@ocelli/driver'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { type LoginFlags, readCameraLogin } from '../../offline/camera-password.ts'
import { identifyCamera, unidentified } from '../../offline/identify-camera.ts'
import { inParallel } from '../../offline/in-parallel.ts'
import { drivers } from '../../offline/open-camera.ts'
import { type SiteCamera, writeSiteFile } from '../../offline/site-file.ts'
import type { Column } from '../../output/table.ts'
import { fileFailed } from '../../profile/private-file.ts'

export interface DiscoverFlags extends LoginFlags {
  multicast: boolean
  /** seconds */
  wait?: number
  setClock?: boolean
  concurrency: number
  out?: string
}

/** Licenses and certificates are judged by clocks; from here on it is worth a warning. */
const clockWarningMs = 5 * 60_000

const columns: Column<SiteCamera>[] = [
  { heading: 'ADDRESS', value: ({ addresses, answeredFrom }) => addresses[0] ?? answeredFrom[0] },
  { heading: 'MAKER', value: ({ manufacturer }) => manufacturer },
  { heading: 'MODEL', value: ({ model }) => model },
  { heading: 'FIRMWARE', value: ({ firmwareVersion }) => firmwareVersion },
  { heading: 'DEVICE', value: ({ deviceId }) => deviceId },
  { heading: 'APPS', value: ({ runsApps }) => (runsApps === null ? 'needs a login' : runsApps) },
  { heading: 'FIRST PASSWORD', value: ({ needsFirstPassword }) => (needsFirstPassword ? 'needed' : null) },
  { heading: 'CLOCK', value: ({ clockOffsetMs }) => describeOffset(clockOffsetMs) },
]

export async function discover(ranges: string[], flags: DiscoverFlags, context: CommandContext): Promise<void> {
  const { out, say } = context
  if (flags.setClock && flags.user === undefined) throw wrongUsage('--set-clock needs a login: add --user.')
  if (!flags.multicast && ranges.length === 0) throw wrongUsage('Without multicast, say which addresses to ask.')
  const findings = await findCameras(ranges, flags, context)
  const cameras = await identify(findings, flags, context)
  await out.list(cameras, columns, { empty: nothingFound(flags) })
  for (const camera of cameras) warnOf(camera, say)
  if (flags.out !== undefined) await save(flags.out, cameras, context)
}

/** Cameras that answer, by every protocol. Throws `wrong-usage` for ranges that are none. */
export async function findCameras(
  ranges: string[],
  { multicast, wait }: Pick<DiscoverFlags, 'multicast' | 'wait'>,
  { progress, say, signal }: CommandContext,
): Promise<Finding[]> {
  const modules = await Promise.all(Object.values(drivers).map((load) => load()))
  const { findings, failures } = await progress.run('Looking for cameras', async (tell) => {
    try {
      return await discoverCameras(modules, {
        ...{ multicast, ranges, signal },
        ...(wait === undefined ? {} : { waitMs: wait * 1000 }),
        onProgress: ({ asked, total }) => tell(`${asked} of ${total} addresses asked`),
      })
    } catch (error) {
      if (error instanceof RangeError) throw wrongUsage(error.message)
      throw error
    }
  })
  for (const { driver, error } of failures) {
    say(`Looking over ${driver} broke off: ${error instanceof Error ? error.message : String(error)}`)
  }
  return findings
}

async function identify(findings: Finding[], flags: DiscoverFlags, context: CommandContext): Promise<SiteCamera[]> {
  const login = await readCameraLogin(flags, context)
  if (!login) return findings.map(unidentified)
  const { signal, progress } = context
  const options = { login, drivers, setsClock: flags.setClock ?? false }
  return await progress.run('Reading identities', async (tell) => {
    let done = 0
    return await inParallel(findings, { concurrency: flags.concurrency, signal }, async (finding, ofAll) => {
      const camera = await identifyCamera(finding, { ...options, signal: ofAll })
      tell(`${++done} of ${findings.length}`)
      return camera
    })
  })
}

function warnOf({ addresses, clockOffsetMs, loginProblem }: SiteCamera, say: (text: string) => void): void {
  const [address = 'A camera'] = addresses
  if (loginProblem !== null) say(`${address}: ${loginProblem}`)
  if (clockOffsetMs !== null && Math.abs(clockOffsetMs) > clockWarningMs) {
    say(
      `${address}: its clock is ${describeOffset(clockOffsetMs)}; licenses with an end need a right one. See --set-clock.`,
    )
  }
}

async function save(file: string, cameras: SiteCamera[], { cwd, clock, say }: CommandContext): Promise<void> {
  const path = isAbsolute(file) ? file : join(cwd, file)
  await writeSiteFile(path, cameras, new Date(clock.nowMs())).catch((error: unknown) => {
    throw fileFailed(`${path} cannot be written`, error)
  })
  const named = cameras.filter(({ deviceId }) => deviceId !== null).length
  say(
    `${cameras.length} ${cameras.length === 1 ? 'camera' : 'cameras'} written to ${path}, ${named} of them with their device id.`,
  )
  if (named < cameras.length) say('Licenses bind to device ids: give a login with --user to read the others.')
}

function nothingFound({ multicast }: DiscoverFlags): string {
  const why = 'Multicast does not cross routers and is closed in many networks: give the addresses to ask as well.'
  return multicast ? `No camera answered. ${why}` : 'No camera answered.'
}

export function describeOffset(offsetMs: number | null): string | null {
  if (offsetMs === null) return null
  const seconds = Math.round(Math.abs(offsetMs) / 1000)
  if (seconds < 2) return 'right'
  const text =
    seconds < 120
      ? `${seconds} s`
      : seconds < 7200
        ? `${Math.round(seconds / 60)} min`
        : `${Math.round(seconds / 3600)} h`
  return `${text} ${offsetMs < 0 ? 'behind' : 'ahead'}`
}
