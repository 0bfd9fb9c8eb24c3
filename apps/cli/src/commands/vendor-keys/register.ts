import { wholeNumber } from '../../flag-values.ts'
import type { Register } from '../../program.ts'

const load = () => import('./vendor-keys.ts')

export const registerVendorKeys: Register = (program, run) => {
  const keys = program
    .command('vendor-keys')
    .description("license key files that a camera's vendor issued, for apps that the camera itself protects (Axis)")
  keys
    .command('upload')
    .description(
      'store key files, single or many in a ZIP; each goes to the device that it or its name says; ends with 1 when one fits none',
    )
    .argument('<app>', 'app id')
    .argument('<files...>', 'key files, or ZIP files of them (8 MiB, 2,000 keys)')
    .examples(
      'ocelli vendor-keys upload objectcounter keys.zip',
      'ocelli vendor-keys upload objectcounter ACCC8E123456.key.xml ACCC8E654321.key.xml',
    )
    .action((appId: string, files: string[]) =>
      run(async (context) => (await load()).uploadVendorKeys(appId, files, context)),
    )
  keys
    .command('list')
    .description('keys that are stored, by device')
    .argument('[app]', 'app id')
    .option('--device <id>', 'of this camera')
    .option('--history', 'also those that ended')
    .option('--limit <number>', 'so many at most', wholeNumber)
    .examples('ocelli vendor-keys list', 'ocelli vendor-keys list objectcounter --history')
    .action((appId: string | undefined, flags: { history?: boolean; device?: string; limit?: number }) =>
      run(async (context) => (await load()).listVendorKeys(appId, flags, context)),
    )
}
