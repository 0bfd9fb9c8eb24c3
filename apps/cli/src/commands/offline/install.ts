import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Finding } from '@ocelli/driver'
import { CliError } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { type ExitCode, exitCodes } from '../../exit-code.ts'
import { openBundle } from '../../offline/bundle-file.ts'
import { identifyCamera } from '../../offline/identify-camera.ts'
import { inParallel } from '../../offline/in-parallel.ts'
import { type CameraLogin, drivers } from '../../offline/open-camera.ts'
import type { SiteCamera } from '../../offline/site-file.ts'
import { installFrom } from './apply.ts'
import { buildBundle, describe } from './bundle.ts'
import { type ChoiceFlags, chooseApps } from './choose-apps.ts'
import { type CameraFlags, chooseCameras } from './choose-cameras.ts'
import { enrollOwnKey, reportText } from './report.ts'
import { bookOf, signBook, tellOutcomes } from './work-on-cameras.ts'

export interface InstallFlags extends ChoiceFlags, CameraFlags {
  start?: boolean
}

/**
 * Use case 5 in one go: who the cameras are, licenses for them, packages, and all of it onto the cameras, then told to the platform.
 * Called again after a break it goes on: licenses that are there are used, and cameras that are done are left as they are.
 */
export async function install(flags: InstallFlags, context: CommandContext): Promise<ExitCode> {
  const apps = chooseApps(flags)
  const logins = await chooseCameras(flags, context)
  const cameras = await identifyAll(logins, flags, context)
  const known = cameras.filter(({ camera }) => camera.deviceId !== null)
  for (const { camera } of cameras) {
    if (camera.loginProblem !== null) context.say(`${camera.addresses[0]}: ${camera.loginProblem}`)
  }
  if (known.length === 0) throw new CliError('some-failed', 'No camera told its device id, so nothing was licensed.')
  const folder = join(context.configFolder, 'unpacked', randomUUID())
  await mkdir(folder, { recursive: true })
  try {
    const path = join(folder, 'bundle.tar')
    const devices = known.map(({ camera }) => describe(camera))
    const made = await buildBundle({ apps, devices, validDays: flags.validDays }, path, context)
    await enrollOwnKey(await context.client(), context)
    const bundle = await openBundle(path, {
      ...{ rootThumbprint: made.rootThumbprint, signal: context.signal, folder: join(folder, 'packages') },
      now: new Date(context.clock.nowMs()),
    })
    const book = await bookOf(context, made.bundleId)
    try {
      const outcomes = await installFrom(bundle, { cameras: known.map(({ login }) => login), book, flags, context })
      const receipt = await signBook(book, made.bundleId, context)
      const code = await tellOutcomes(outcomes, context)
      const reported = receipt ? await reportQuietly(receipt, context) : exitCodes.ok
      return Math.max(code, reported, known.length < cameras.length ? exitCodes.someFailed : 0) as ExitCode
    } finally {
      await book.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The outcomes have been told already; only what the platform refuses is worth a word. */
async function reportQuietly(receipt: string, context: CommandContext): Promise<ExitCode> {
  const silent = { ...context.out, list: async () => 0 }
  const code = await reportText(receipt, { ...context, out: silent })
  if (code !== exitCodes.ok) context.say('The platform refused a part of the receipt; see: ocelli events tail')
  return code
}

async function identifyAll(
  logins: CameraLogin[],
  { concurrency }: InstallFlags,
  { signal, progress }: CommandContext,
): Promise<{ login: CameraLogin; camera: SiteCamera }[]> {
  return await progress.run('Reading identities', () =>
    inParallel(logins, { concurrency, signal }, async (login, ofAll) => ({
      login,
      camera: await identifyCamera(atAddress(login.address), { login, drivers, setsClock: false, signal: ofAll }),
    })),
  )
}

const atAddress = (address: string): Finding => ({
  ...{ addresses: [address], answeredFrom: [], manufacturer: null, model: null, firmwareVersion: null },
  ...{ serialNumber: null, macAddress: null, endpointReference: null, deviceId: null, runsApps: null },
  ...{ needsFirstPassword: null, clockOffsetMs: null, drivers: [], foundBy: ['address'] },
})
