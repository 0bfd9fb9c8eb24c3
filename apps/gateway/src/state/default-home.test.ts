import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { gatewayHome, type Surroundings } from './default-home.ts'

const ada: Surroundings = { env: {}, platform: 'linux', isRoot: false, homeFolder: '/home/ada' }

const rows: [string, string | undefined, Partial<Surroundings>, string][] = [
  ['--home first', '/h', { env: { OCELLI_GATEWAY_HOME: '/g', OCELLI_HOME: '/o' } }, '/h'],
  ['then OCELLI_GATEWAY_HOME', undefined, { env: { OCELLI_GATEWAY_HOME: '/g', OCELLI_HOME: '/o' } }, '/g'],
  ['then OCELLI_HOME', undefined, { env: { OCELLI_HOME: '/o' }, isRoot: true }, '/o/gateway'],
  ['empty variables for none', undefined, { env: { OCELLI_GATEWAY_HOME: '', OCELLI_HOME: '/o' } }, '/o/gateway'],
  ["root's place", undefined, { isRoot: true }, '/var/lib/ocelli/gateway'],
  ['XDG on Linux', undefined, { env: { XDG_DATA_HOME: '/x' } }, '/x/ocelli/gateway'],
  ['no relative XDG', undefined, { env: { XDG_DATA_HOME: 'x' } }, '/home/ada/.local/share/ocelli/gateway'],
  ['the home on Linux', undefined, {}, '/home/ada/.local/share/ocelli/gateway'],
  ['LOCALAPPDATA on Windows', undefined, { platform: 'win32', env: { LOCALAPPDATA: '/l' } }, '/l/ocelli/gateway'],
  ['an absolute path', 'here', {}, join(process.cwd(), 'here')],
]

test.each(rows)('takes %s', (_title, home, surroundings, expected) => {
  expect(gatewayHome(home, { ...ada, ...surroundings })).toBe(resolve(expected))
})
