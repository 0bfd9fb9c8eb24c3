import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { buildSecurityHeader } from './ws-username-token.ts'
import { childText, descend, parseXml } from './xml-element.ts'

test('digests nonce, time and password as the profile says, with whole seconds and a Z', () => {
  const nonce = Uint8Array.from({ length: 16 }, (_, index) => index)
  const header = buildSecurityHeader({
    credentials: { user: 'a<b', password: 'pä' },
    cameraTime: new Date('2026-01-02T03:04:05.678Z'),
    random: (bytes) => nonce.subarray(0, bytes),
  })
  const token = descend(parseXml(header.replace('env:mustUnderstand', 'mustUnderstand')), 'UsernameToken')
  expect(childText(token, 'Created')).toBe('2026-01-02T03:04:05Z')
  expect(childText(token, 'Username')).toBe('a<b')
  expect(childText(token, 'Nonce')).toBe(Buffer.from(nonce).toString('base64'))
  const digest = createHash('sha1')
    .update(Buffer.concat([nonce, Buffer.from('2026-01-02T03:04:05Z'), Buffer.from('pä')]))
    .digest('base64')
  expect(childText(token, 'Password')).toBe(digest)
})
