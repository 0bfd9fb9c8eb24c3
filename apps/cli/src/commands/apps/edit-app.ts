import type { App, AppPatch } from '@ocelli/sdk'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { readNamedFile } from '../../read-named-file.ts'
import { appFields } from './show-app.ts'

export interface EditAppFlags {
  name?: string
  short?: string
  description?: string
  visibility?: App['visibility']
  trialDays?: number
  website?: string
  video?: string
  industry: string[]
  useCase: string[]
  licenseIn?: string
}

/** Changes an own app's listing; an empty text takes a value away. */
export async function editApp(appId: string, flags: EditAppFlags, context: CommandContext): Promise<void> {
  const given = Object.entries(await toPatch(flags, context)).filter(([, value]) => value !== undefined)
  if (given.length === 0) throw wrongUsage('Say what to change, such as --name; see: ocelli apps edit --help')
  const app = await (await context.client()).apps.change(appId, Object.fromEntries(given))
  context.out.one(app, appFields(app))
}

async function toPatch(flags: EditAppFlags, context: CommandContext): Promise<AppPatch> {
  const { name, short: shortDescription, visibility, trialDays, website, video, industry, useCase } = flags
  return {
    ...{ name, shortDescription, visibility, trialDays },
    description: flags.description === undefined ? undefined : await readNamedFile(flags.description, context),
    website: website === '' ? null : website,
    videoUrl: video === '' ? null : video,
    industries: industry.length > 0 ? industry : undefined,
    useCases: useCase.length > 0 ? useCase : undefined,
    licensePlacement: flags.licenseIn === undefined ? undefined : toPlacement(flags.licenseIn),
  }
}

/** Where cameras whose vendor does not protect the app get its license file; docs/axis.md. Throws `wrong-usage`. */
function toPlacement(text: string): App['licensePlacement'] {
  const [, kind, where = ''] = /^([a-z]+)(?::(.+))?$/.exec(text) ?? []
  if (kind === 'none' && where === '') return null
  if (kind === 'camera' && where === '') return { kind: 'CAMERA' }
  if (kind === 'parameter' && where !== '') return { kind: 'PARAMETER', name: where }
  if (kind === 'path' && where !== '') return { kind: 'APP_PATH', path: where }
  throw wrongUsage(`--license-in takes none, camera, parameter:<name> or path:<path>, not "${text}".`)
}

export async function withdrawVersion(
  { appId, version }: { appId: string; version: string },
  { client, confirm, out }: CommandContext,
): Promise<void> {
  await confirm(`Withdraw ${appId} ${version}? It is not installed any more; where it is, it stays.`)
  const withdrawn = await (await client()).apps.withdrawVersion(appId, version)
  out.one(withdrawn, [
    ['app', withdrawn.appId],
    ['version', withdrawn.version],
    ['withdrawn', withdrawn.withdrawnAt],
  ])
}
