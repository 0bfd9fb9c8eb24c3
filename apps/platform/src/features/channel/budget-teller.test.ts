import { randomUUID } from 'node:crypto'
import type { DownMessage, ShareInUse, SiteShare } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeFleet } from '../../../test/rollout-fixture.ts'
import { createTestPlatform, type TestPlatform } from '../../../test/test-platform.ts'
import { byPlatform } from '../../platform/events/emit.ts'
import { markAway } from '../gateways/mark-away.ts'
import { createBudgetTeller } from './budget-teller.ts'
import { beginSessions } from './session-store.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await createTestPlatform(() => [])
})
afterAll(() => platform?.close())

/** A site with gateways that say hello when told to, and what was told to each. */
async function makeSite(budget: { maxInFlight: number; rate?: number; upload?: number }) {
  const { db } = platform
  const { account, siteIds } = await makeFleet(platform, { devices: 1, sites: 1, maxInFlight: budget.maxInFlight })
  const [siteId = ''] = siteIds
  const { rows } = await sql<{ id: string }>`
    WITH old AS (UPDATE gateway SET connected = false WHERE site_id = ${siteId}),
    s AS (UPDATE site SET time_zone = 'Asia/Tokyo', download_bytes_per_second = ${budget.rate ?? null}::bigint,
      upload_bytes_per_second = ${budget.upload ?? null}::bigint WHERE site_id = ${siteId})
    INSERT INTO gateway (account_id, site_id, name, public_key, certificate_serial, certificate_expires_at)
    SELECT ${account.accountId}, ${siteId}, 'g' || n, '{}', '1', now() + interval '1 year' FROM generate_series(1, 3) n
    RETURNING gateway_id AS id`.execute(db)
  const gatewayIds = rows.map(({ id }) => id).sort()
  const heard = new Map<string, SiteShare>()
  const sessions = new Map<string, number>()
  let messages = 0
  const clock = { nowMs: Date.parse('2026-07-06T12:59:00Z') }
  const hear = (gatewayId: string, sites: SiteShare[]) => {
    messages++
    for (const site of sites) {
      if ((heard.get(gatewayId)?.number ?? -1) < (site.number ?? 0)) heard.set(gatewayId, site)
    }
  }
  const publish = (gatewayId: string, message: DownMessage) => {
    if (message.kind === 'budgets' && gatewayIds.includes(gatewayId)) hear(gatewayId, message.sites)
  }
  /** Two processes on one database. */
  const tellers = [1, 2].map(() => createBudgetTeller({ db, nowMs: () => clock.nowMs, publish }))
  const [teller] = tellers
  if (!teller) throw new Error('There is no teller.')
  const idOf = (place: number) => gatewayIds[place] ?? ''
  return {
    ...{ siteId, clock, teller, tellers, idOf },
    messages: () => messages,
    async hello(place: number, { confirmsShares = true } = {}) {
      const hello = { kind: 'hello' as const, connectionId: randomUUID(), version: '1', devices: [], confirmsShares }
      const { welcomes, others } = await beginSessions(db, [{ gatewayId: idOf(place), hello }], clock.nowMs)
      const welcome = welcomes.get(idOf(place))
      if (!welcome) throw new Error('It may not speak.')
      sessions.set(idOf(place), welcome.session)
      heard.delete(idOf(place))
      hear(idOf(place), welcome.sites)
      teller.tell(others)
    },
    async confirm(place: number, use: Partial<ShareInUse> = {}, by = teller) {
      const share = heard.get(idOf(place))
      const said = { siteId, number: share?.number ?? 0, inFlight: 0, waiting: 0, ...use }
      await by.noteInUse([{ ...said, gatewayId: idOf(place), session: sessions.get(idOf(place)) ?? 0 }])
    },
    /** What one process hears from many gateways at once, in whatever order. */
    async confirmAll(places: number[], by: typeof teller) {
      await by.noteInUse(
        places.map((place, at) => ({
          ...{ siteId, gatewayId: idOf(place), session: sessions.get(idOf(place)) ?? 0 },
          ...{ number: heard.get(idOf(place))?.number ?? 0, inFlight: 0, waiting: at % 2 },
        })),
      )
    },
    leave: (place: number) => markAway(db, byPlatform, [{ gatewayId: idOf(place), connectionId: null }]),
    /** By all of its gateways together. */
    async held() {
      const { rows } = await sql<{ held: number }>`SELECT sum(held)::int AS held FROM site_share
        WHERE site_id = ${siteId}`.execute(db)
      return rows[0]?.held
    },
    shares: () => gatewayIds.map((id) => heard.get(id)?.maxInFlight ?? null),
    rates: () => gatewayIds.map((id) => [heard.get(id)?.downloadBytesPerSecond, heard.get(id)?.uploadBytesPerSecond]),
  }
}

describe('the gateways of one site', () => {
  it('are told shares that sum to the budget of the hour, by its own clock', async () => {
    const site = await makeSite({ maxInFlight: 4, rate: 100_000, upload: 60_000 })
    for (const place of [0, 1, 2]) await site.hello(place, { confirmsShares: false })
    await site.teller.sweep()
    expect(site.shares()).toEqual([2, 1, 1])
    expect(site.rates()).toEqual([
      [33_334, 20_000],
      [33_333, 20_000],
      [33_333, 20_000],
    ])
    const night = { from: '22:00', to: '05:00', maxInFlight: 30, downloadBytesPerSecond: 300_000 }
    await sql`UPDATE site SET budget_hours = ${JSON.stringify([night])}::jsonb WHERE site_id = ${site.siteId}`.execute(
      platform.db,
    )
    await site.teller.sweep()
    expect(site.shares()).toEqual([2, 1, 1])
    const before = site.messages()
    await Promise.all(site.tellers.map((teller) => teller.sweep()))
    expect(site.messages()).toBe(before)
    site.clock.nowMs += 60_000
    await site.teller.sweep()
    expect(site.shares()).toEqual([10, 10, 10])
    expect(site.rates()[0]).toEqual([100_000, 20_000])
  })

  it('get places only after another has confirmed that it keeps to less', async () => {
    const site = await makeSite({ maxInFlight: 4 })
    await site.hello(0)
    await site.confirm(0, { inFlight: 4, waiting: 6 })
    expect(site.shares()).toEqual([4, null, null])
    await site.hello(1)
    expect(site.shares()).toEqual([3, 0, null])
    await site.confirm(1, { waiting: 3 })
    expect(site.shares()).toEqual([2, 0, null])
    await site.confirm(0, { inFlight: 3, waiting: 6 })
    expect(site.shares()).toEqual([2, 1, null])
    await site.confirm(0, { inFlight: 2, waiting: 6 }, site.tellers[1])
    expect(site.shares()).toEqual([2, 2, null])
  })

  it('do not get places back by a word that a process which was stopped hears late', async () => {
    const site = await makeSite({ maxInFlight: 4 })
    await site.hello(0)
    await site.confirm(0, { inFlight: 4, waiting: 6 })
    await site.hello(1)
    await site.confirm(1, { waiting: 3 })
    await site.confirm(0, { inFlight: 3, waiting: 6 })
    await site.confirm(0, { inFlight: 2, waiting: 6 })
    expect(site.shares()).toEqual([2, 2, null])
    await site.confirm(0, { inFlight: 3, waiting: 6 }, site.tellers[1])
    expect(await site.held()).toBe(4)
    await site.confirm(0, { inFlight: 2, waiting: 6 })
    expect([await site.held(), ...site.shares()]).toEqual([4, 2, 2, null])
  })

  it('that are away keep their places from the others until what they began must have ended', async () => {
    const site = await makeSite({ maxInFlight: 4 })
    for (const place of [0, 1]) await site.hello(place)
    for (const place of [0, 1, 0, 1]) await site.confirm(place, { waiting: 5 })
    expect(site.shares()).toEqual([2, 2, null])
    await site.leave(1)
    await site.confirm(0, { inFlight: 2, waiting: 9 })
    await site.teller.sweep()
    expect(site.shares()).toEqual([2, 2, null])
    await sql`UPDATE gateway SET away_at = now() - interval '601 seconds' WHERE gateway_id = ${site.idOf(1)}`.execute(
      platform.db,
    )
    await site.teller.sweep()
    expect(site.shares()[0]).toBe(4)
  })

  it('that stop cleanly leave their places at once', async () => {
    const site = await makeSite({ maxInFlight: 4 })
    for (const place of [0, 1]) await site.hello(place)
    for (const place of [0, 1, 0, 1]) await site.confirm(place, { waiting: 5 })
    await site.leave(1)
    await site.teller.giveBack([site.idOf(1)])
    expect(site.shares()[0]).toBe(4)
  })

  it('are told again what they have not confirmed, though the clock was set back meanwhile', async () => {
    const site = await makeSite({ maxInFlight: 4 })
    for (const place of [0, 1]) await site.hello(place)
    const before = site.messages()
    await sql`UPDATE site_share SET told_at = now() + interval '1 hour' WHERE site_id = ${site.siteId}`.execute(
      platform.db,
    )
    await site.teller.sweep()
    expect(site.messages()).toBeGreaterThan(before)
  })

  it('take turns where they are more than the budget', async () => {
    const site = await makeSite({ maxInFlight: 1 })
    for (const place of [0, 1, 2]) await site.hello(place)
    for (const place of [0, 1, 2]) await site.confirm(place, { waiting: 1 })
    const turns: (number | null)[][] = [site.shares()]
    for (let turn = 0; turn < 2; turn++) {
      await sql`UPDATE site_share SET share_since = share_since - interval '21 seconds' WHERE site_id = ${site.siteId}`.execute(
        platform.db,
      )
      await site.teller.sweep()
      for (const place of [0, 1, 2]) await site.confirm(place, { waiting: 1 })
      turns.push(site.shares())
    }
    const sum = (values: (number | null)[]) => values.reduce<number>((total, value) => total + (value ?? 0), 0)
    expect(turns.map(sum)).toEqual([1, 1, 1])
    expect(new Set(turns.map(String)).size).toBe(3)
  })

  it('may say what they do in any order to two processes that divide at the same time', async () => {
    const site = await makeSite({ maxInFlight: 5 })
    for (const place of [0, 1, 2]) await site.hello(place)
    const [one, other] = site.tellers
    if (!one || !other) throw new Error('There are two tellers.')
    for (let round = 0; round < 25; round++) {
      await Promise.all([
        site.confirmAll([0, 1, 2], one),
        site.confirmAll([2, 1, 0], other),
        site.confirmAll([1, 2, 0], one),
        one.sweep(),
        other.sweep(),
      ])
    }
    const sum = site.shares().reduce<number>((total, share) => total + (share ?? 0), 0)
    expect(sum).toBe(5)
  })

  it('never hold more than the budget together, whatever two processes are told at once', async () => {
    const site = await makeSite({ maxInFlight: 5 })
    for (const place of [0, 1, 2]) await site.hello(place)
    for (let round = 0; round < 12; round++) {
      await Promise.all([
        site.confirm(round % 3, { inFlight: round % 2, waiting: round % 4 }, site.tellers[0]),
        site.confirm((round + 1) % 3, { waiting: 4 }, site.tellers[1]),
        site.tellers[round % 2]?.sweep(),
        round % 5 === 4 ? site.hello(2) : undefined,
      ])
      expect(await site.held()).toBeLessThanOrEqual(5)
    }
  })
})
