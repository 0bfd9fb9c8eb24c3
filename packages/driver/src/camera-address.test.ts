import { expect, test } from 'vitest'
import { cameraAddresses } from './camera-address.ts'

test.each([
  ['192.168.1.20', ['https://192.168.1.20', 'http://192.168.1.20']],
  ['192.168.1.20:8080', ['https://192.168.1.20:8080', 'http://192.168.1.20:8080']],
  [' camera.local ', ['https://camera.local', 'http://camera.local']],
  ['fe80::1', ['https://[fe80::1]', 'http://[fe80::1]']],
  ['[fe80::1]:81', ['https://[fe80::1]:81', 'http://[fe80::1]:81']],
  ['http://192.168.1.20', ['http://192.168.1.20']],
  ['HTTPS://192.168.1.20:8443/index.html?x=1', ['https://192.168.1.20:8443']],
])('%s is looked for at %j', (text, addresses) => {
  expect(cameraAddresses(text)).toEqual(addresses)
})

test.each(['', ' ', 'rtsp://192.168.1.20', 'http://', 'two words', 'http://a b', '192.168.1.20:port', 'https://u:p@h'])(
  'refuses %j',
  (text) => {
    expect(() => cameraAddresses(text)).toThrow(RangeError)
  },
)

test.each(['admin:hunter2@192.168.1.20', 'https://admin:hunter2@192.168.1.20', 'admin:hunter2 @host'])(
  'does not repeat the password in %s',
  (text) => {
    expect(() => cameraAddresses(text)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    )
  },
)
