import { idFrom } from '../../flag-values.ts'
import type { Register } from '../../program.ts'

const load = () => import('./transfers.ts')
const ends = {
  accept: 'take a camera that was offered; a gateway of yours then claims it',
  decline: 'refuse a camera that was offered',
  withdraw: 'take back an offer that is not decided yet',
} as const

export const registerTransfers: Register = (program, run) => {
  const transfers = program
    .command('transfers')
    .description('cameras that pass from one account to another: offered by one, accepted by the other')
  transfers
    .command('list')
    .description('offers made and received, newest first')
    .examples('ocelli transfers list')
    .action(() => run(async (context) => (await load()).listTransfers(context)))
  transfers
    .command('offer')
    .description('offer a camera to another account; refused while it holds licenses, unless they pass too')
    .argument('<device>', 'device id')
    .requiredOption('--to <account>', 'id of the other account, as its people see with: ocelli account show')
    .option('--with-licenses', 'the units of its licenses pass too')
    .examples('ocelli transfers offer ACCC8E123456 --to 4e0a... --yes')
    .action((deviceId: string, flags: { to: string; withLicenses?: boolean }) =>
      run(async (context) => (await load()).offerTransfer(deviceId, flags, context)),
    )
  for (const [end, description] of Object.entries(ends) as [keyof typeof ends, string][]) {
    transfers
      .command(end)
      .description(description)
      .argument('<transfer>', 'transfer id', idFrom('ocelli transfers list'))
      .examples(`ocelli transfers ${end} 2b77...`)
      .action((transferId: string) => run(async (context) => (await load()).endTransfer(end, transferId, context)))
  }
}
