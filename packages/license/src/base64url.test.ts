import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBase64url, encodeBase64url } from './base64url.ts'

test('it speaks the alphabet of RFC 4648 section 5, without padding', () => {
  expect(encodeBase64url(Uint8Array.of(0xfb, 0xef, 0xff, 0xfe))).toBe('--___g')
})

test('any bytes survive the way there and back', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(decodeBase64url(encodeBase64url(bytes))).toEqual(bytes)
    }),
  )
})

test.each(['AA==', 'AB', 'AAB', 'A', 'AAAAA', 'A+AA', 'A/AA', 'AA AA', ' AAAA', 'AAAA\n', 'ÀAAA'])(
  '%j is refused',
  (text) => {
    expect(decodeBase64url(text)).toBeNull()
  },
)
