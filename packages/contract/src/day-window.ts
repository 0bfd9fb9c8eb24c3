import { type Static, Type } from 'typebox'
import { nullable, oneOf } from './schema.ts'

export const weekdays = ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'] as const
const TimeOfDay = Type.String({
  pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$',
  description: 'a time of day such as 22:00',
  examples: ['22:00'],
})

/** Hours of the day by a site's own clock; over midnight when `to` is before `from`, then `days` are those it begins on. */
export const DayWindow = Type.Object(
  {
    days: Type.Optional(nullable(Type.Array(oneOf(weekdays), { minItems: 1, maxItems: 7, uniqueItems: true }))),
    from: TimeOfDay,
    to: TimeOfDay,
  },
  { additionalProperties: false },
)
export type DayWindow = Static<typeof DayWindow>
