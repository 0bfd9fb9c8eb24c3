import { expect, test } from 'vitest'
import { readXml } from '../xml/reader.ts'
import { createTokenVerifier } from './username-token.ts'

const createdMs = Date.UTC(2010, 8, 16, 7, 50, 45)

/** The worked example of the ONVIF programmer's guide: these parts and the password `userpassword`. */
const parts = {
  Username: 'user',
  Password: 'tuOSpGlFlIXsozq4HFNeeGeFLEI=',
  Nonce: 'LKqI6G/AikKCQrN0zqZFlg==',
  Created: '2010-09-16T07:50:45Z',
}

function tokenOf(changes: Partial<Record<keyof typeof parts, string | null>> = {}, type = '#PasswordDigest') {
  const members = Object.entries({ ...parts, ...changes }).filter(([, value]) => value !== null)
  const inner = members.map(
    ([name, value]) => `<${name}${name === 'Password' ? ` Type="x${type}"` : ''}>${value}</${name}>`,
  )
  return readXml(`<Security><UsernameToken>${inner.join('')}</UsernameToken></Security>`)
}

function createVerifier(offsetMs = 0) {
  let nowMs = createdMs + offsetMs
  const verifier = createTokenVerifier({
    deviceNowMs: () => nowMs,
    createdWindowMs: 60_000,
    passwordOf: (name) => (name === 'user' ? 'userpassword' : undefined),
  })
  return { verify: verifier.verify, forget: verifier.forget, setNow: (ms: number) => (nowMs = ms) }
}

test('the worked example is taken, once', () => {
  const { verify, forget } = createVerifier()
  expect(verify(tokenOf())).toEqual({ kind: 'accepted', username: 'user' })
  expect(verify(tokenOf())).toMatchObject({ kind: 'refused', detail: 'The nonce was used before.' })
  forget()
  expect(verify(tokenOf()).kind).toBe('accepted')
})

test.each([
  [-60_001, 'refused'],
  [-60_000, 'accepted'],
  [60_000, 'accepted'],
  [60_001, 'refused'],
] as const)('with the clock off by %s ms it is %s', (offsetMs, kind) => {
  expect(createVerifier(offsetMs).verify(tokenOf()).kind).toBe(kind)
})

test('a nonce is remembered for as long as its token would be taken', () => {
  const { verify, setNow } = createVerifier(-60_000)
  expect(verify(tokenOf()).kind).toBe('accepted')
  setNow(createdMs + 60_000)
  expect(verify(tokenOf()).kind).toBe('refused')
})

test.each([
  ['a wrong password', tokenOf({ Password: 'uuOSpGlFlIXsozq4HFNeeGeFLEI=' })],
  ['an unknown user', tokenOf({ Username: 'other' })],
  ['a nonce that is not the one digested', tokenOf({ Nonce: 'AAAA' })],
  ['a time that is not the one digested', tokenOf({ Created: '2010-09-16T07:50:46Z' })],
  ['no nonce', tokenOf({ Nonce: null })],
  ['no time', tokenOf({ Created: null })],
  ['no password', tokenOf({ Password: null })],
  ['a password in the clear', tokenOf({ Password: 'userpassword' }, '#PasswordText')],
  ['no token at all', readXml('<Security/>')],
])('%s is refused', (_what, security) => {
  expect(createVerifier().verify(security).kind).toBe('refused')
})
