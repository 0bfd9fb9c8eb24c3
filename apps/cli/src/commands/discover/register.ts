import { positiveNumber, wholeNumber } from '../../flag-values.ts'
import type { Register } from '../../program.ts'
import type { DiscoverFlags } from './discover.ts'

export const registerDiscover: Register = (program, run) => {
  program
    .command('discover')
    .description('cameras in this network: by multicast, or in the ranges given')
    .argument('[ranges...]', 'addresses to ask one by one: 192.0.2.7, 192.0.2.0/24, 192.0.2.10-192.0.2.40')
    .option('--no-multicast', 'ask only the ranges given')
    .option('--wait <seconds>', 'how long answers to a multicast are waited for', positiveNumber)
    .option('--user <name>', 'read device ids with this login, tried ONCE on every camera found')
    .option('--password-file <file>', 'its password (else OCELLI_CAMERA_PASSWORD, else asked for)')
    .option('--set-clock', "set the cameras' clocks to this machine's; needs --user")
    .option('--concurrency <number>', 'cameras asked at a time', wholeNumber, 8)
    .option('--out <file>', 'write what was found, for: ocelli offline bundle --site <file>')
    .examples(
      'ocelli discover',
      'ocelli discover 192.168.10.0/24 --no-multicast',
      'ocelli discover --user admin --password-file camera.txt --out site.json',
    )
    .action((ranges: string[], flags: DiscoverFlags) =>
      run(async (context) => (await import('./discover.ts')).discover(ranges, flags, context)),
    )
}
