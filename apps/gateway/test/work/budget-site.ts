import type { SiteShare } from '@ocelli/contract'
import type { Site } from './gateway-fixture.ts'
import { desiredApp, desiredDevice, siteId } from './scripted-platform.ts'

/** Lets uploads last, and counts how many cameras are written to in the same moment. */
export function watchLoad(site: Site, uploadMs: number) {
  const load = { atWork: 0, most: 0 }
  for (const camera of site.network.values()) {
    camera.during = async ({ write, when, signal }) => {
      if (when !== 'before') return
      load.atWork++
      load.most = Math.max(load.most, load.atWork)
      await site.clock.sleep(write === 'install' ? uploadMs : 1_000, signal).finally(() => load.atWork--)
    }
  }
  return load
}

export function wishForAll(site: Site, count: number): void {
  for (let index = 1; index <= count; index++) {
    site.platform.desired.set(`camera-${index}`, desiredDevice(`camera-${index}`, [desiredApp()]))
  }
}

export const phases = (site: Site) => [...site.platform.state.values()].map(({ work }) => work[0]?.phase)

export const share = (maxInFlight: number, changes: Partial<SiteShare> = {}): SiteShare => ({
  ...{ siteId, maxInFlight, repair: 'request', number: 1, isShared: true },
  ...changes,
})
export const tell = (site: Site, told: SiteShare) =>
  site.platform.down({ kind: 'budgets', session: site.platform.session, sites: [told] })
/** What the gateway's heartbeats said of its shares, oldest first. */
export const inUse = (site: Site) => {
  const beats = site.platform.received.flatMap((message) =>
    message.kind === 'heartbeat' ? (message.shares ?? []) : [],
  )
  return beats.map(({ number, inFlight, waiting }) => ({ number, inFlight, waiting }))
}
