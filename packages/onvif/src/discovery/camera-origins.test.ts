import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cameraOrigins } from './camera-origins.ts'

const at = (host: string) => `http://${host}/onvif/device_service`

test.each([
  ['the address it answers from', [at('192.0.2.7')], '192.0.2.7', ['http://192.0.2.7']],
  [
    'https before http, its own before others',
    [at('198.51.100.7'), at('192.0.2.7'), 'https://192.0.2.7/onvif/device_service'],
    '192.0.2.7',
    ['https://192.0.2.7', 'http://192.0.2.7', 'http://198.51.100.7'],
  ],
  [
    'its port and unusual path',
    ['http://192.0.2.7:8080/onvif/services'],
    '192.0.2.7',
    ['http://192.0.2.7:8080/onvif/services'],
  ],
  ['the sender instead of a stale or private address', [at('10.0.0.1:8080')], '192.0.2.7', ['http://192.0.2.7:8080']],
  ['the sender instead of loopback', [at('127.0.0.1'), at('0.0.0.0'), at('[::1]')], '192.0.2.7', ['http://192.0.2.7']],
  ['the sender where nothing is told', [], '192.0.2.7', ['http://192.0.2.7']],
  ['the other family beside a guess', [at('192.0.2.7')], '2001:db8::7', ['http://[2001:db8::7]', 'http://192.0.2.7']],
  [
    'what is told to a link-local sender',
    [at('192.0.2.7'), at('[2001:db8::7]')],
    'fe80::7%eth0',
    ['http://192.0.2.7', 'http://[2001:db8::7]'],
  ],
  ['nothing that only a link could carry', [at('[fe80::7]')], 'fe80::7%eth0', []],
  ['loopback on this machine', [at('127.0.0.1:8081')], '127.0.0.1', ['http://127.0.0.1:8081']],
  [
    'no logins, no other schemes',
    ['http://a:b@192.0.2.7/', 'rtsp://192.0.2.7/', 'ht!tp://['],
    '192.0.2.7',
    ['http://192.0.2.7'],
  ],
])('a camera is reached at %s', (_, xAddrs, sender, expected) => {
  expect(cameraOrigins(xAddrs, sender)).toEqual(expected)
})

test('whatever a camera tells, what comes out can be asked over HTTP', () => {
  const text = fc.oneof(
    fc.string(),
    fc.webUrl(),
    fc.ipV6().map((ip) => `http://[${ip}]`),
    fc.ipV4().map(at),
  )
  const sender = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('fe80::1%eth0'))
  fc.assert(
    fc.property(fc.array(text, { maxLength: 70 }), sender, (xAddrs, from) => {
      for (const address of cameraOrigins(xAddrs, from)) expect(new URL(address).protocol).toMatch(/^https?:$/)
    }),
  )
})
