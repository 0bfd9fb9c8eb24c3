import { expect, test } from 'vitest'
import { rateLimitKey } from './rate-limit-key.ts'

const ip = '192.0.2.7'
const keyOf = (url: string, authorization?: string) =>
  rateLimitKey({ url, ip, headers: authorization === undefined ? {} : { authorization } })

test('callers behind one address count each for themselves', () => {
  expect(keyOf('/device/v1/devices', 'Bearer a')).not.toBe(keyOf('/device/v1/devices', 'Bearer b'))
  expect(keyOf('/device/v1/devices', 'Bearer a')).toBe(keyOf('/store/v1/apps?q=x', 'Bearer a'))
})

test('the address counts for nobody in particular, and at sign-in whatever else is sent', () => {
  expect(keyOf('/store/v1/apps')).toBe(ip)
  expect(keyOf('/auth/v1/token', 'Basic YTpi')).toBe(ip)
})

test('a key is short however long a header is: thousands of keys are kept', () => {
  expect(keyOf('/store/v1/apps', 'x'.repeat(16_000)).length).toBeLessThan(100)
})

test('a credential is not kept in the clear', () => {
  expect(keyOf('/store/v1/apps', 'Bearer ocp_secret')).not.toContain('ocp_secret')
})
