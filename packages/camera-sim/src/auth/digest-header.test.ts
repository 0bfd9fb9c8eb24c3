import { expect, test } from 'vitest'
import { parseDigestHeader } from './digest-header.ts'

const least = 'Digest username="u", realm="r", nonce="n", uri="/x?a=b,c", response="ABC"'

test('the parts are read, quoted or not, and what is missing has the default of RFC 2617', () => {
  expect(parseDigestHeader(least)).toEqual({
    username: 'u',
    realm: 'r',
    nonce: 'n',
    uri: '/x?a=b,c',
    response: 'abc',
    algorithm: 'MD5',
    opaque: undefined,
    qop: undefined,
    cnonce: '',
    nc: '',
  })
  const more = parseDigestHeader(`${least}, qop=auth ,nc=0000000A,algorithm="SHA-256", cnonce="x\\"y", opaque=""`)
  expect(more).toMatchObject({ qop: 'auth', nc: '0000000A', algorithm: 'SHA-256', cnonce: 'x"y', opaque: '' })
})

test('names are UTF-8, as the bytes of the header say', () => {
  const header = `Digest username="${Buffer.from('jörg', 'utf8').toString('latin1')}", realm="", nonce="", uri="", response=""`
  expect(parseDigestHeader(header)?.username).toBe('jörg')
})

test.each([
  'Basic dTpw',
  'Bearer x',
  '',
  'Digest',
  'Digest username="u"',
  `${least}, nonce="again"`,
  `${least}, qop="auth`,
  `${least}, =x`,
  `${least} qop=auth`,
])('%s is no Digest login', (header) => {
  expect(parseDigestHeader(header)).toBeNull()
})
