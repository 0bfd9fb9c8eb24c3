import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { parseChallenges } from './http-challenge.ts'
import { chooseDigest, createDigestSession } from './http-digest.ts'

const challengeOf = (...headers: string[]) =>
  chooseDigest(parseChallenges(headers.flatMap((header) => ['WWW-Authenticate', header])))

// RFC 7616, 3.9.1; its client nonce is fixed there, ours comes out of `random`.
const CNONCE = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ'
const credentials = { user: 'Mufasa', password: 'Circle of Life' }
const rfc = (algorithm: string) =>
  `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, ` +
  'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'

function session(header: string, as = credentials) {
  const challenge = challengeOf(header)
  if (challenge === undefined) throw new Error('no challenge')
  return createDigestSession(challenge, as, (bytes) => new Uint8Array(bytes).fill(0xab))
}

function fields(header: string): Record<string, string> {
  return Object.fromEntries(parseChallenges(['WWW-Authenticate', header])[0]?.parameters ?? [])
}

const md5 = (text: string) => createHash('md5').update(text).digest('hex')

describe('choosing a challenge', () => {
  test('takes the first Digest that can be answered, in the order of the headers', () => {
    expect(challengeOf('Basic realm="r"', rfc('SHA-256'), rfc('MD5'))?.hash).toBe('sha256')
    expect(challengeOf(rfc('SHA-1024'), rfc('MD5'))?.hash).toBe('md5')
    expect(challengeOf(rfc('SHA-512-256'))?.hash).toBe('sha512-256')
  })

  test('splits a header that lists several challenges', () => {
    const challenge = challengeOf('Basic realm="a, Digest", Digest realm="b", nonce="n1", stale=TRUE , Negotiate')
    expect(challenge).toMatchObject({ realm: 'b', nonce: 'n1', isStale: true, qop: undefined, algorithm: undefined })
  })

  test('finds nothing in other schemes, in auth-int alone and in rubbish', () => {
    expect(challengeOf('Basic realm="r"')).toBeUndefined()
    expect(challengeOf('Digest realm="r", nonce="n", qop="auth-int"')).toBeUndefined()
    expect(challengeOf('Digest realm="r"')).toBeUndefined()
    expect(challengeOf('=,="", "')).toBeUndefined()
    expect(challengeOf('Digest realm="r", nonce="n", algorithm=constructor')).toBeUndefined()
    expect(challengeOf()).toBeUndefined()
  })

  test('takes time in proportion to the header, whatever is in it', () => {
    // as long as a header may be; reading it once for each of its characters took 14 s
    const nonsense = `${'a'.repeat(31_000)}"`
    const started = performance.now()
    expect(challengeOf(nonsense, 'Digest realm="r", nonce="n"')).toMatchObject({ nonce: 'n' })
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  test('reads names in any case, unquoted values and escaped quotes', () => {
    expect(challengeOf('DIGEST Realm="a \\"b\\"", NONCE=n , ALGORITHM="md5-SESS", Qop=auth')).toMatchObject({
      realm: 'a "b"',
      nonce: 'n',
      hash: 'md5',
      isSession: true,
      qop: 'auth',
    })
  })
})

describe('answering a challenge', () => {
  test('computes the response of RFC 7616 for the client nonce it uses', () => {
    const header = session(rfc('MD5')).authorize('GET', '/dir/index.html')
    const { cnonce, nc, response, algorithm, opaque, qop } = fields(header)
    const key = md5('Mufasa:http-auth@example.org:Circle of Life')
    const request = md5('GET:/dir/index.html')
    expect({ algorithm, qop, nc }).toEqual({ algorithm: 'MD5', qop: 'auth', nc: '00000001' })
    expect(opaque).toBe('FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS')
    expect(response).toBe(md5(`${key}:7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v:${nc}:${cnonce}:auth:${request}`))
    // The same formula with the RFC's own client nonce gives the RFC's own response.
    expect(md5(`${key}:7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v:00000001:${CNONCE}:auth:${request}`)).toBe(
      '8ca523f5e9506fed4657c9700eebdbec',
    )
  })

  test('counts its requests and keeps its client nonce', () => {
    const used = session(rfc('SHA-256'))
    const first = fields(used.authorize('POST', '/a?b=c'))
    const second = fields(used.authorize('POST', '/a?b=c'))
    expect([first.nc, second.nc]).toEqual(['00000001', '00000002'])
    expect(first.cnonce).toBe(second.cnonce)
    expect(first.response).not.toBe(second.response)
    expect(first.uri).toBe('/a?b=c')
    expect(used.uses).toBe(2)
  })

  test('answers a challenge without qop in the old form', () => {
    const { response, cnonce, nc, qop, algorithm } = fields(
      session('Digest realm="r", nonce="n"').authorize('POST', '/x'),
    )
    expect(response).toBe(md5(`${md5('Mufasa:r:Circle of Life')}:n:${md5('POST:/x')}`))
    expect({ cnonce, nc, qop, algorithm }).toEqual({})
  })

  test('derives the key of -sess from the nonces', () => {
    const { response, cnonce, nc } = fields(
      session('Digest realm="r", nonce="n", qop=auth, algorithm=MD5-sess').authorize('POST', '/x'),
    )
    const key = md5(`${md5('Mufasa:r:Circle of Life')}:n:${cnonce}`)
    expect(response).toBe(md5(`${key}:n:${nc}:${cnonce}:auth:${md5('POST:/x')}`))
  })

  test('hashes and sends names as UTF-8 and the realm as the bytes that came', () => {
    const realmBytes = Buffer.from('Röhre', 'utf8').toString('latin1')
    const header = session(`Digest realm="${realmBytes}", nonce="n"`, { user: 'Jürgen "J"', password: 'é' }).authorize(
      'POST',
      '/',
    )
    const onWire = Buffer.from(header, 'latin1').toString('utf8')
    expect(onWire).toContain('username="Jürgen \\"J\\""')
    expect(onWire).toContain('realm="Röhre"')
    expect(fields(header).response).toBe(md5(`${md5('Jürgen "J":Röhre:é')}:n:${md5('POST:/')}`))
  })
})
