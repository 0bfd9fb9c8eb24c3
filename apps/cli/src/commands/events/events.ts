import type { Event } from '@ocelli/sdk'
import type { CommandContext } from '../../command-context.ts'
import { readTime } from '../../flag-values.ts'
import { atMost } from '../../output/at-most.ts'
import { cellText } from '../../output/table.ts'

export interface EventFlags {
  type?: string
  device?: string
  app?: string
  license?: string
  after?: string
  limit?: number
}

export interface ListEventsFlags extends Omit<EventFlags, 'after'> {
  since?: string
  until?: string
}

const toFilter = ({ type, device: deviceId, app: appId, license: licenseId }: EventFlags) => ({
  ...{ type, deviceId, appId, licenseId },
})

export async function tailEvents(flags: EventFlags, { client, out, say }: CommandContext): Promise<void> {
  const stream = (await client()).events.stream(toFilter(flags), { lastEventId: flags.after })
  if (!out.isJson) say('Waiting for events; Ctrl-C ends.')
  for await (const event of atMost(stream, flags.limit)) out.line(event, eventLine(event))
}

export async function listEvents(flags: ListEventsFlags, { client, clock, out }: CommandContext): Promise<void> {
  const { since, until, limit } = flags
  const time = (flag: string, text: string) => readTime(text, { flag, spans: 'ago', nowMs: clock.nowMs() })
  const from = since === undefined ? undefined : time('--since', since)
  const to = until === undefined ? undefined : time('--until', until)
  const events = (await client()).events.list({ ...toFilter(flags), from, to, size: Math.min(limit ?? 1000, 1000) })
  await out.list(
    atMost(events, limit),
    [
      { heading: 'AT', value: ({ at }) => at },
      { heading: 'TYPE', value: ({ type }) => type },
      { heading: 'DEVICE', value: ({ deviceId }) => deviceId },
      { heading: 'APP', value: ({ appId }) => appId },
      { heading: 'BY', value: ({ actor }) => actor.id ?? actor.kind },
      { heading: 'DATA', value: ({ data }) => JSON.stringify(data) },
    ],
    { empty: 'Nothing has happened.' },
  )
}

function eventLine({ at, type, deviceId, appId, actor, data }: Event): string {
  return [at, type, deviceId, appId, actor.id ?? actor.kind, JSON.stringify(data)].map(cellText).join('  ')
}
