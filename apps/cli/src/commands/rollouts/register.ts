import { choiceOf, idFrom, positiveNumber, wholeNumber } from '../../flag-values.ts'
import type { Register } from '../../program.ts'
import { addSelection } from '../devices/select-devices.ts'
import type { ListRolloutsFlags, RolloutDevicesFlags } from './list-rollouts.ts'
import type { CreateRolloutFlags } from './rollout-request.ts'

const states = ['AWAITING_APPROVAL', 'SCHEDULED', 'RUNNING', 'PAUSED', 'ABORTED', 'COMPLETED']
const deviceStates = ['PENDING', 'OFFLINE', 'IN_FLIGHT', 'SUCCEEDED', 'ALREADY_DONE', 'FAILED', 'REJECTED']
const moreDeviceStates = ['TIMED_OUT', 'SKIPPED', 'CANCELLED']
const changes = {
  pause: 'admit no more devices; what is in flight ends',
  resume: 'go on; a wave that stopped the rollout counts as passed',
  abort: 'end it: what has not begun is cancelled and gives back its license',
  rollback: 'abort it where it still runs, and set cameras back to the version they had',
  approve: 'approve a rollout that somebody else made',
  close: 'take in no more devices that match later',
} as const

const list = () => import('./list-rollouts.ts')

export const registerRollouts: Register = (program, run) => {
  const rollout = program
    .command('rollout')
    .description('one action on many devices, in waves, carried out by the platform')
  addSelection(
    rollout
      .command('create')
      .description('begin a rollout; --dry-run tells for every device whether it would work, and why not')
      .argument('[devices...]', 'device ids, in the order of their waves'),
  )
    .option('--file <file>', 'the whole request as JSON, as POST /software/v1/rollouts takes it; - for piped in')
    .option('--name <name>', 'how it is called (else by action and app)')
    .addOption(choiceOf('--action <action>', 'what to do', ['install', 'update', 'uninstall', 'start', 'stop']))
    .option('--app <id>', 'with which app')
    .option('--version <version>', 'which version (else the newest that fits)')
    .addOption(choiceOf('--license-type <type>', 'for install', ['FULL', 'TRIAL', 'SUBSCRIPTION']))
    .option('--order <id>', 'the order that licenses are taken from')
    .option('--keep-open', 'devices that match later join')
    .option('--waves <percents>', 'how far each wave reaches, such as 5,25,100')
    .option('--min-success <percent>', 'share of success that each wave needs before the next', positiveNumber)
    .option('--wave-pause <minutes>', 'between waves', positiveNumber)
    .option('--max-in-flight <number>', 'devices in work at the same time', wholeNumber)
    .option('--max-in-flight-per-site <number>', 'the same of one site', wholeNumber)
    .option('--attempts <number>', 'how often a device is tried', wholeNumber)
    .option('--abort-percent <percent>', 'abort when so many of those that ended have failed', positiveNumber)
    .option('--abort-count <number>', 'abort when so many have failed', wholeNumber)
    .option('--rollback', 'update only: an abort sets cameras back to the version they had')
    .option('--accept-data-loss', 'with --rollback: also those that lose the data of the app by that')
    .option('--accept-without-rollback', 'with --rollback: those that cannot go back stay on the new version')
    .option('--start-at <time>', 'not before this time, date, or in so long, such as 2h')
    .option('--deadline <time>', 'what has not begun by this time, date, or within so long, is cancelled')
    .option('--window <hours>', "only in these hours by each site's own clock, such as 22:00-05:00")
    .option('--days <days>', 'with --window: on these days, such as MON,TUE')
    .addOption(choiceOf('--when-offline <what>', 'devices that are away', ['QUEUE', 'SKIP', 'FAIL']))
    .option('--require-approval', 'begins only when a second person has approved it')
    .option('--dry-run', 'change nothing')
    .option('--watch', 'stay and tell how it goes')
    .examples(
      'ocelli rollout create --action update --app com.example.counter --updatable --waves 5,25,100 --dry-run',
      'ocelli rollout create --action install --app com.example.counter --site 6f2c... --license-type FULL --watch',
      'ocelli rollout create --file rollout.json',
    )
    .action((deviceIds: string[], flags: CreateRolloutFlags) =>
      run(async (context) => (await import('./create-rollout.ts')).createRollout(deviceIds, flags, context)),
    )
  rollout
    .command('list')
    .description('rollouts, newest first')
    .addOption(choiceOf('--state <state>', 'in this state', states))
    .option('--app <id>', 'of this app')
    .option('--limit <number>', 'so many at most', wholeNumber)
    .examples('ocelli rollout list --state RUNNING')
    .action((flags: ListRolloutsFlags) => run(async (context) => (await list()).listRollouts(flags, context)))
  rollout
    .command('show')
    .description('one rollout, with its counters')
    .argument('<rollout>', 'rollout id', idFrom('ocelli rollout list'))
    .examples('ocelli rollout show 08d2...')
    .action((rolloutId: string) => run(async (context) => (await list()).showRollout(rolloutId, context)))
  rollout
    .command('devices')
    .description('devices of a rollout, and what came of each')
    .argument('<rollout>', 'rollout id', idFrom('ocelli rollout list'))
    .addOption(choiceOf('--state <state>', 'in this state', [...deviceStates, ...moreDeviceStates]))
    .option('--limit <number>', 'so many at most', wholeNumber)
    .examples('ocelli rollout devices 08d2... --state FAILED')
    .action((rolloutId: string, flags: RolloutDevicesFlags) =>
      run(async (context) => (await list()).listRolloutDevices(rolloutId, flags, context)),
    )
  rollout
    .command('device')
    .description('one device of a rollout, and everything that happened to it')
    .argument('<rollout>', 'rollout id', idFrom('ocelli rollout list'))
    .argument('<device>', 'device id')
    .examples('ocelli rollout device 08d2... CAM1')
    .action((rolloutId: string, deviceId: string) =>
      run(async (context) => (await list()).showRolloutDevice({ rolloutId, deviceId }, context)),
    )
  rollout
    .command('watch')
    .description('tell how a rollout goes until it is over; ends with 1 when it was aborted or devices failed')
    .argument('<rollout>', 'rollout id', idFrom('ocelli rollout list'))
    .examples('ocelli rollout watch 08d2...')
    .action((rolloutId: string) =>
      run(async (context) => (await import('./watch-rollout.ts')).watchRollout(rolloutId, context)),
    )
  rollout
    .command('retry')
    .description('begin again with devices that failed, were rejected or ran out of time')
    .argument('<rollout>', 'rollout id', idFrom('ocelli rollout list'))
    .addOption(choiceOf('--state <state>', 'only those', ['FAILED', 'REJECTED', 'TIMED_OUT']))
    .examples('ocelli rollout retry 08d2... --state TIMED_OUT')
    .action((rolloutId: string, flags: { state?: 'FAILED' | 'REJECTED' | 'TIMED_OUT' }) =>
      run(async (context) => (await import('./change-rollout.ts')).retryRollout(rolloutId, flags, context)),
    )
  for (const [change, description] of Object.entries(changes) as [keyof typeof changes, string][]) {
    rollout
      .command(change)
      .description(description)
      .argument('<rollout>', 'rollout id', idFrom('ocelli rollout list'))
      .examples(`ocelli rollout ${change} 08d2...`)
      .action((rolloutId: string) =>
        run(async (context) => (await import('./change-rollout.ts')).changeRollout(change, rolloutId, context)),
      )
  }
}
