import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestPlatform, type TestAccount, type TestPlatform } from '../test/test-platform.ts'
import { prepareLocalSite } from './local-site.ts'

let platform: TestPlatform
let operator: TestAccount
beforeAll(async () => {
  platform = await createTestPlatform(() => [])
  operator = await platform.account()
})
afterAll(() => platform?.close())

const prepare = () => prepareLocalSite(platform.db, { accountId: operator.accountId, caFingerprint: 'a'.repeat(64) })
const sites = () =>
  platform.db.selectFrom('site').select(['site_id', 'name']).where('account_id', '=', operator.accountId).execute()

test('the built-in gateway has one site, made at the first start and found again under whatever name', async () => {
  const { siteId, name } = await prepare()
  expect(name).toBe('Local')
  const events = await platform.db.selectFrom('event').select(['type', 'data']).execute()
  expect(events).toContainEqual({ type: 'site.created', data: { siteId, name } })

  await platform.db.updateTable('site').set({ name: 'Berlin' }).where('site_id', '=', siteId).execute()
  const again = await prepare()
  expect(again).toMatchObject({ siteId, name: 'Berlin' })
  const content = JSON.parse(Buffer.from(again.enrollmentToken.slice('oet1.'.length), 'base64url').toString())
  expect(content).toMatchObject({ siteId, caFingerprint: 'a'.repeat(64) })
  expect(await sites()).toEqual([{ site_id: siteId, name: 'Berlin' }])
})

test('a site of its name that somebody has made becomes its own once it has none', async () => {
  await platform.db.deleteFrom('enrollment_token').execute()
  await platform.db.deleteFrom('site').execute()
  const own = await platform.db
    .insertInto('site')
    .values({ account_id: operator.accountId, name: 'Local' })
    .returning('site_id')
    .executeTakeFirstOrThrow()
  expect(await prepare()).toMatchObject({ siteId: own.site_id, name: 'Local' })
  expect(await sites()).toHaveLength(1)
})
