import { expect, test } from 'vitest'
import { parseCameraAddress, requestTarget } from './camera-address.ts'

test.each([
  ['http://192.168.1.20', { host: '192.168.1.20', port: 80, authority: '192.168.1.20', isSecure: false }],
  ['https://cam.example/', { host: 'cam.example', port: 443, devicePath: '/onvif/device_service', isSecure: true }],
  ['http://[fe80::1]:8080', { host: 'fe80::1', port: 8080, authority: '[fe80::1]:8080' }],
  ['http://cam/onvif/device?x=1', { devicePath: '/onvif/device?x=1', origin: 'http://cam' }],
])('reads the address %s', (address, expected) => {
  expect(parseCameraAddress(address)).toMatchObject(expected)
})

test.each(['', 'cam', 'ftp://cam', 'http://user:pw@cam', 'rtsp://cam/x'])('refuses the address %j', (address) => {
  expect(() => parseCameraAddress(address)).toThrow(RangeError)
})

test.each([
  ['http://10.0.0.5/onvif/appmgmt', '/onvif/appmgmt'],
  ['https://127.0.0.1:8443/onvif/apps?id=1&b=%20', '/onvif/apps?id=1&b=%20'],
  [' http://10.0.0.5/a  http://169.254.1.1/b', '/a'],
  ['http://[fe80::1%25eth0]/onvif/x', '/onvif/x'],
  ['http://10.0.0.5?sub=1', '/?sub=1'],
  ['//host/x', '/x'],
  ['/onvif/path', '/onvif/path'],
  ['http://h/ü#frag', '/%C3%BC'],
  ['http://10.0.0.5/', '/fallback'],
  ['http://10.0.0.5', '/fallback'],
  ['', '/fallback'],
  [undefined, '/fallback'],
  ['garbage', '/fallback'],
  ['urn:uuid:1234', '/fallback'],
])('takes only path and query from %j', (reported, target) => {
  expect(requestTarget(reported, '/fallback')).toBe(target)
})
