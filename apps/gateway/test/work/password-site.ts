import { randomUUID } from 'node:crypto'
import type { CameraLogins, CameraResults } from '@ocelli/contract'
import { expect } from 'vitest'
import { createSite, type Site } from './gateway-fixture.ts'

export const device = 'camera-1'
export const minuteMs = 60_000
export const [old, fresh] = ['correct', 'Kv7-tQmX_3rWbZ9']
type Login = CameraLogins['logins'][number]
type Result = CameraResults['results'][number]

export const loginFor = (
  password: string,
  kind: 'password' | 'credentials' = 'password',
  user = 'root',
  more = {},
): Login => ({
  loginId: randomUUID(),
  sealed: `head..${Buffer.from(JSON.stringify({ user, password, ...more })).toString('base64url')}.text.tag`,
  for: { kind, deviceId: device },
})

/** A site whose gateway has seen its camera, where a refused login costs one of the tries. */
export async function startSite(arrange: (site: Site) => void = () => undefined): Promise<Site> {
  const site = createSite({ hasDesk: true })
  site.camera().refusalCost = 1
  arrange(site)
  site.start()
  await site.clock.until(() => site.platform.state.get(device)?.connectivity.reason === null)
  return site
}

export const ask = (site: Site, ...logins: Login[]) =>
  site.platform.down({ kind: 'camera-logins', session: site.platform.session, logins })
export const resultsOf = ({ platform }: Site, loginId: string): Result[] =>
  platform.received.flatMap((message) =>
    message.kind === 'camera-results' ? message.results.filter((result) => result.loginId === loginId) : [],
  )
export const finalOf = (site: Site, loginId: string) => resultsOf(site, loginId).find(({ isUnknown }) => !isUnknown)
export const stored = (site: Site) => site.cameras.get(device)?.credentials?.password
export const openFiles = (site: Site) =>
  [...site.stateFolder.files.keys()].filter((name) => name.startsWith('password-changes'))

/** Until anything was said of the login, be it that its end is not known. */
export const untilTold = (site: Site, { loginId }: Login): Promise<void> =>
  site.clock.until(() => resultsOf(site, loginId).length > 0)

export async function untilFinal(site: Site, { loginId }: Login, withinMs = 5 * minuteMs): Promise<Result | undefined> {
  await site.clock.until(() => finalOf(site, loginId) !== undefined, { withinMs, what: 'the end of the change' })
  return finalOf(site, loginId)
}

export async function expectWorks(site: Site, password: string): Promise<void> {
  expect([site.camera().password, stored(site), openFiles(site)]).toEqual([password, password, []])
  const looks = site.camera().looks
  await site.clock.until(() => site.camera().looks > looks + 1, { withinMs: 5 * minuteMs, what: 'a look' })
}
