import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestPlatform } from '../test/test-platform.ts'
import { createWholePlatform } from '../test/whole-platform.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await createWholePlatform()
})
afterAll(() => platform.close())

const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

describe.each(['/device', '/invitation'])('the page %s', (path) => {
  const page = (query = '') => platform.app.inject(`${path}${query}`)

  test('runs its own script and style, and nothing else', async () => {
    const { headers, body } = await page()
    expect(headers['content-type']).toBe('text/html; charset=utf-8')
    const policy = new Map(
      String(headers['content-security-policy'])
        .split('; ')
        .map((rule) => [rule.split(' ')[0], rule.split(' ').slice(1).join(' ')]),
    )
    const [scripts, styles] = ['script', 'style'].map((tag) => [
      ...body.matchAll(new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`, 'g')),
    ])
    expect(scripts?.map(([, text = '']) => hash(text))).toEqual([policy.get('script-src')])
    expect(styles?.map(([, text = '']) => hash(text))).toEqual([policy.get('style-src')])
    expect(policy.get('default-src')).toBe(`'none'`)
    expect(policy.get('connect-src')).toBe(`'self'`)
    // what a policy by hashes would block, and what would be loaded from elsewhere
    expect(body).not.toMatch(/<link| (src|style|on[a-z]+)=|javascript:|https?:\/\//)
    expect(body).not.toMatch(/innerHTML|insertAdjacentHTML|document\.write|eval\(/)
  })

  test('cannot be framed, is kept nowhere and tells no other site its address', async () => {
    const { headers } = await page()
    expect(headers['content-security-policy']).toContain(`frame-ancestors 'none'`)
    expect(headers['content-security-policy']).toContain(`form-action 'none'`)
    expect(headers).toMatchObject({
      ...{ 'x-frame-options': 'DENY', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' },
      ...{ 'x-content-type-options': 'nosniff', 'cross-origin-opener-policy': 'same-origin' },
    })
  })

  test('is the same for everybody: what stands in its address is read by its script', async () => {
    expect((await page('?code=%3Cscript%3E')).body).toBe((await page()).body)
  })

  test('calls routes which there are, and elements which there are', async () => {
    const { body } = await page()
    const called = [...body.matchAll(/call\('(GET|POST)', (['`])(\/[^'`$]+)(?=(['$]))/g)]
    expect(called.length).toBeGreaterThan(0)
    for (const [, method, , url, next] of called) {
      if (next === "'") expect(platform.app.hasRoute({ method: method as 'GET', url: String(url) })).toBe(true)
    }
    const named = [...body.matchAll(/\b(?:at|on|show)\('([a-z-]+)'/g)].map(([, id]) => id)
    expect(named.length).toBeGreaterThan(2)
    for (const id of named) expect(body).toContain(`id="${id}"`)
  })
})
