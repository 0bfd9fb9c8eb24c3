import { expect, test } from 'vitest'
import { parseCameraAddress } from './camera-address.ts'

test.each([
  ['http://192.168.1.20', { host: '192.168.1.20', port: 80, authority: '192.168.1.20', isSecure: false, path: '/' }],
  ['https://cam.example/', { host: 'cam.example', port: 443, path: '/', isSecure: true }],
  ['http://[fe80::1]:8080', { host: 'fe80::1', port: 8080, authority: '[fe80::1]:8080' }],
  ['http://cam/onvif/device?x=1', { path: '/onvif/device?x=1', origin: 'http://cam' }],
])('reads the address %s', (address, expected) => {
  expect(parseCameraAddress(address)).toMatchObject(expected)
})

test.each(['', 'cam', 'ftp://cam', 'http://user:pw@cam', 'rtsp://cam/x'])('refuses the address %j', (address) => {
  expect(() => parseCameraAddress(address)).toThrow(RangeError)
})
