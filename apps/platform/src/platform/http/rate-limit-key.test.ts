import { expect, test } from 'vitest'
import { createKnownCallers } from './known-callers.ts'
import { rateLimitKey } from './rate-limit-key.ts'

const ip = '192.0.2.7'

function start(maxCredentials = 100) {
  const known = createKnownCallers({ maxCredentials })
  const keyOf = (headers: { authorization?: string; cookie?: string }, url = '/store/v1/apps') =>
    rateLimitKey({ url, ip, headers }, known)
  return { known, keyOf }
}

test('credentials that nobody has vouched for count for the network they come from', () => {
  const { keyOf } = start()
  expect(['Bearer a', 'Bearer b', 'nonsense'].map((authorization) => keyOf({ authorization }))).toEqual([ip, ip, ip])
  expect(keyOf({})).toBe(ip)
})

test('callers behind one address count each for themselves, and each as one whatever tokens it has', () => {
  const { known, keyOf } = start()
  known.accepted({ authorization: 'Bearer a' }, { kind: 'user', id: '1' })
  known.accepted({ authorization: 'Bearer b' }, { kind: 'user', id: '1' })
  known.accepted({ cookie: 'session=c' }, { kind: 'user', id: '2' })
  expect(keyOf({ authorization: 'Bearer a' })).not.toBe(ip)
  expect(keyOf({ authorization: 'Bearer a' })).toBe(keyOf({ authorization: 'Bearer b' }))
  expect(keyOf({ authorization: 'Bearer a' })).not.toBe(keyOf({ cookie: 'session=c' }))
})

test('at sign-in only the network counts, whatever else is sent', () => {
  const { known, keyOf } = start()
  known.accepted({ authorization: 'Bearer a' }, { kind: 'user', id: '1' })
  expect(keyOf({ authorization: 'Bearer a' }, '/auth/v1/token')).toBe(ip)
})

test('a credential that is refused counts for its network again', () => {
  const { known, keyOf } = start()
  known.accepted({ authorization: 'Bearer a' }, { kind: 'user', id: '1' })
  known.refused({ authorization: 'Bearer a' })
  expect(keyOf({ authorization: 'Bearer a' })).toBe(ip)
})

test('memory is bounded: what was accepted longest ago is forgotten first', () => {
  const { known, keyOf } = start(2)
  for (const name of ['a', 'b', 'a', 'c']) known.accepted({ authorization: name }, { kind: 'user', id: name })
  expect(['a', 'b', 'c'].map((authorization) => keyOf({ authorization }) === ip)).toEqual([false, true, false])
})
