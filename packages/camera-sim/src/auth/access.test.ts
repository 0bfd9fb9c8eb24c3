import { expect, test } from 'vitest'
import { type AccessClass, isAllowed, type UserLevel } from './access.ts'

/** ONVIF Core, default access policy: who may do what, as its table has it. */
const table: readonly [AccessClass, readonly UserLevel[]][] = [
  ['PRE_AUTH', ['Anonymous', 'User', 'Operator', 'Administrator']],
  ['READ_SYSTEM', ['User', 'Operator', 'Administrator']],
  ['READ_MEDIA', ['User', 'Operator', 'Administrator']],
  ['READ_SYSTEM_SENSITIVE', ['Operator', 'Administrator']],
  ['ACTUATE', ['Operator', 'Administrator']],
  ['READ_SYSTEM_SECRET', ['Administrator']],
  ['WRITE_SYSTEM', ['Administrator']],
  ['UNRECOVERABLE', ['Administrator']],
]

test.each(table)('%s is granted to %s', (access, granted) => {
  const levels: UserLevel[] = ['Anonymous', 'User', 'Operator', 'Administrator']
  expect(levels.filter((level) => isAllowed(level, access))).toEqual(granted)
})
