import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAccountsPlatform } from '../../../test/accounts-platform.ts'

let platform: Awaited<ReturnType<typeof createAccountsPlatform>>
beforeAll(async () => {
  platform = await createAccountsPlatform()
})
afterAll(() => platform.close())

test('the documentation page runs nothing that does not come from here', async () => {
  const page = await platform.app.inject('/docs')
  expect(page.body).toContain('<title>Ocelli API</title>')
  const policy = String(page.headers['content-security-policy'])
  expect(policy).toContain("default-src 'self'")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(policy).not.toMatch(/unsafe|https:|upgrade-insecure/)
  const sources = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source)
  expect(sources.length).toBeGreaterThan(3)
  for (const source of sources) expect(source).toMatch(/^\/docs\/static\//)
  expect(page.body).not.toMatch(/<script>|<style>/)
})

test('every operation says who may call it, and names only schemas that are there', async () => {
  const document = (await platform.app.inject('/docs/json')).json()
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path as object))
  expect(operations.length).toBeGreaterThan(20)
  for (const { description, tags } of operations) {
    expect(description).toMatch(/Needs the permission `[a-z:]+`|Needs no sign-in|signed in|For gateways/)
    expect(tags[0]).toMatch(/^[A-Z]/)
  }
  const named = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)]
  const missing = named.flatMap(([, name = '']) => (name in document.components.schemas ? [] : [name]))
  expect(named.length).toBeGreaterThan(10)
  expect(missing).toEqual([])
})

test('the document carries the version of this package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  expect((await platform.app.inject('/docs/json')).json().info).toMatchObject({ title: 'Ocelli', version })
})
