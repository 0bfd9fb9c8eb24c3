import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { type ChallengeShape, createDigestServer } from './digest.ts'
import type { DigestAlgorithm } from './digest-header.ts'
import { createNonceBook } from './digest-nonce.ts'

function createServer(options: { algorithms?: DigestAlgorithm[]; shape?: ChallengeShape; realm?: string } = {}) {
  const { algorithms = ['MD5', 'SHA-256'], shape = { qop: 'auth', algorithm: 'token' } } = options
  return createDigestServer({
    realm: () => options.realm ?? 'http-auth@example.org',
    nonces: createNonceBook({ nowMs: () => 0, lifeMs: 1000, randomBytes }),
    algorithms: () => algorithms,
    shape: () => shape,
    passwordOf: (name) => (name === 'Mufasa' ? 'Circle of Life' : undefined),
  })
}

/** RFC 7616 section 3.9.1; its nonce is not one of ours, so that a right response earns a stale challenge. */
const example = (algorithm: string, response: string) =>
  `Digest username="Mufasa", realm="http-auth@example.org",
  uri="/dir/index.html", algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001,
  cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="${response}",
  opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`.replace(/\n */g, ' ')

const responses = {
  MD5: '8ca523f5e9506fed4657c9700eebdbec',
  'SHA-256': '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
}
const get = { method: 'GET', target: '/dir/index.html' }

test.each(['MD5', 'SHA-256'] as const)('the example of RFC 7616 proves its password with %s', (algorithm) => {
  const header = example(algorithm, responses[algorithm])
  expect(createServer().verify({ header, ...get })).toMatchObject({ kind: 'challenge', stale: true })
  const wrong = example(algorithm, responses[algorithm].replace('3', '4'))
  expect(createServer().verify({ header: wrong, ...get })).toMatchObject({ kind: 'refused', username: 'Mufasa' })
})

test('the method and the target are part of the proof', () => {
  const header = example('MD5', responses.MD5)
  expect(createServer().verify({ header, ...get, method: 'POST' }).kind).toBe('refused')
  expect(createServer().verify({ header, ...get, target: '/dir/other.html' }).kind).toBe('malformed')
})

test('another realm or algorithm is no wrong password, so it counts for nothing', () => {
  const header = example('MD5', '00')
  expect(createServer({ realm: 'other' }).verify({ header, ...get })).toMatchObject({ kind: 'challenge', stale: false })
  const server = createServer({ algorithms: ['SHA-256'] })
  expect(server.verify({ header, ...get })).toMatchObject({ kind: 'challenge', stale: false })
})

test('an unknown user, and a form that was not offered, are told apart', () => {
  const unknown = example('MD5', responses.MD5).replace('Mufasa', 'Scar')
  expect(createServer().verify({ header: unknown, ...get })).toMatchObject({ kind: 'refused', username: 'Scar' })
  for (const [from, to] of [
    ['qop=auth', 'qop=auth-int'],
    ['qop=auth, ', ''],
    ['nc=00000001', 'nc=1'],
    ['cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"', 'cnonce=""'],
  ] as const) {
    const header = example('MD5', responses.MD5).replace(from, to)
    expect(createServer().verify({ header, ...get }).kind).toBe('malformed')
  }
})

test('one challenge per algorithm, in order, with one nonce, and stale only when it is', () => {
  const [first = '', second = ''] = createServer().challenges(false)
  expect(first).toMatch(
    /^Digest algorithm=MD5, realm="http-auth@example.org", qop="auth", nonce="[^"]+", opaque="[^"]+"$/,
  )
  expect(second).toContain('algorithm=SHA-256')
  expect(/nonce="[^"]+"/.exec(second)?.[0]).toBe(/nonce="[^"]+"/.exec(first)?.[0])
  expect(
    createServer()
      .challenges(true)
      .every((one) => one.endsWith('stale=true')),
  ).toBe(true)
})

test('challenges can be written as odd cameras write them', () => {
  const bare = createServer({ shape: { qop: 'absent', algorithm: 'absent' } }).challenges(false)[0]
  expect(bare).not.toMatch(/qop|algorithm/)
  const quoted = createServer({ shape: { qop: 'auth,auth-int', algorithm: 'quoted' } }).challenges(false)[0]
  expect(quoted).toContain('algorithm="MD5"')
  expect(quoted).toContain('qop="auth,auth-int"')
})
