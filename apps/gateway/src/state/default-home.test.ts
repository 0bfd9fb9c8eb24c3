import { homedir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { gatewayHome } from './default-home.ts'

test.each([
  ['--home first', '/h', { OCELLI_GATEWAY_HOME: '/g', OCELLI_HOME: '/o' }, 'linux', '/h'],
  ['then OCELLI_GATEWAY_HOME', undefined, { OCELLI_GATEWAY_HOME: '/g', OCELLI_HOME: '/o' }, 'linux', '/g'],
  ['then OCELLI_HOME', undefined, { OCELLI_HOME: '/o' }, 'linux', join('/o', 'gateway')],
  [
    'an empty variable is no variable',
    undefined,
    { OCELLI_GATEWAY_HOME: '', OCELLI_HOME: '/o' },
    'linux',
    join('/o', 'gateway'),
  ],
  ['XDG on Linux', undefined, { XDG_DATA_HOME: '/x' }, 'linux', join('/x', 'ocelli', 'gateway')],
  ['the home on Linux', undefined, {}, 'linux', join(homedir(), '.local', 'share', 'ocelli', 'gateway')],
  ['LOCALAPPDATA on Windows', undefined, { LOCALAPPDATA: '/l' }, 'win32', join('/l', 'Ocelli', 'gateway')],
] as const)('takes %s', (_title, home, env, platform, expected) => {
  expect(gatewayHome(home, { env, platform })).toBe(expected)
})
