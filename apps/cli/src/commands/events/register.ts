import { wholeNumber } from '../../flag-values.ts'
import type { Register } from '../../program.ts'
import type { EventFlags, ListEventsFlags } from './events.ts'

const load = () => import('./events.ts')

export const registerEvents: Register = (program, run) => {
  const events = program.command('events').description('what has happened')
  events
    .command('tail')
    .description('events as they happen, until Ctrl-C; with --json one object a line')
    .option('--type <type>', 'of this type')
    .option('--device <id>', 'of this camera')
    .option('--app <id>', 'of this app')
    .option('--license <id>', 'of this license')
    .option('--after <id>', 'begin behind this event (else: from now on)')
    .option('--limit <number>', 'end after so many', wholeNumber)
    .examples('ocelli events tail --device CAM1', 'ocelli events tail --type installation.failed --json')
    .action((flags: EventFlags) => run(async (context) => (await load()).tailEvents(flags, context)))
  events
    .command('list')
    .description('events of the past, oldest first')
    .option('--type <type>', 'of this type')
    .option('--device <id>', 'of this camera')
    .option('--app <id>', 'of this app')
    .option('--license <id>', 'of this license')
    .option('--since <time>', 'since this time, date, or so long ago, such as 24h')
    .option('--until <time>', 'until this time, date, or so long ago')
    .option('--limit <number>', 'so many at most', wholeNumber)
    .examples(
      'ocelli events list --since 24h --type installation.failed',
      'ocelli events list --since 2026-01-31T00:00:00Z --type license.released',
    )
    .action((flags: ListEventsFlags) => run(async (context) => (await load()).listEvents(flags, context)))
}
