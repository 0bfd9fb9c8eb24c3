import { expect, test } from 'vitest'
import { parseCameraAddress, requestTarget } from './camera-address.ts'

test.each([
  ['http://192.168.1.20', '/onvif/device_service'],
  ['https://cam.example/', '/onvif/device_service'],
  ['http://cam/onvif/device?x=1', '/onvif/device?x=1'],
])('finds the device service of %s', (address, devicePath) => {
  expect(parseCameraAddress(address)).toMatchObject({ devicePath })
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
