import { afterAll, expect, test } from 'vitest'
import { appId, callOptions, createPackages, keyFor, openCamera } from './axis-harness.ts'

const packages = await createPackages()
afterAll(packages.remove)

const badKeys: [name: string, key: string, deviceCode: string][] = [
  ['is none', 'eyJhbGciOiJFZERTQSJ9.e30.AAAA', 'Error: 21'],
  ['is for another app', keyFor('another'), 'Error: 25'],
  ['is for another camera', keyFor(appId, { deviceId: 'ACCC8E999999' }), 'Error: 30'],
  ['has expired', keyFor(appId, { expires: '2020-01-01' }), 'Error: 31'],
  ['is for other versions', keyFor(appId, { minVersion: '5.0' }), 'Error: 26'],
]

test.for(badKeys)('a license key that %s is refused with a reason', async ([, license, deviceCode]) => {
  const { driver } = await openCamera()
  await driver.install(await packages.write('1.0', { copyProtection: 'axis' }), callOptions())
  const failure = { code: 'license-refused', category: 'license', deviceCode }
  await expect(driver.placeLicense({ appId, license }, callOptions())).rejects.toMatchObject(failure)
})

test('the end of a license key is listed, and the license survives an update', async () => {
  const { driver } = await openCamera()
  await driver.install(await packages.write('1.0', { copyProtection: 'axis' }), callOptions())
  const license = keyFor(appId, { expires: '2099-12-31' })
  await driver.placeLicense({ appId, license }, callOptions())
  const listed = [{ licenses: [{ validUntil: '2099-12-31T23:59:59.000Z' }] }]
  expect(await driver.listApps(callOptions())).toMatchObject(listed)
  await driver.install(await packages.write('2.0', { copyProtection: 'axis' }), callOptions())
  expect(await driver.listApps(callOptions())).toMatchObject(listed)
})

test.for(['none', 'custom'] as const)(
  'nobody looks at the license of an app with copy protection %s',
  async (method) => {
    const { camera, driver } = await openCamera()
    await driver.install(await packages.write('1.0', { copyProtection: method }), callOptions())
    const before = camera.writes
    expect(await driver.placeLicense({ appId, license: 'a.b.c' }, callOptions())).toEqual({ checkedBy: 'NOBODY' })
    expect(camera.writes).toBe(before)
  },
)

test.for(['axis', 'custom'] as const)(
  'a key that the camera keeps for an app with copy protection %s is removed, and once more is a success',
  async (method) => {
    const { camera, driver } = await openCamera()
    await driver.install(await packages.write('1.0', { copyProtection: method }), callOptions())
    const request = { appId, placement: { kind: 'CAMERA' } as const }
    expect(await driver.placeLicense({ ...request, license: keyFor(appId) }, callOptions())).toEqual({
      checkedBy: 'CAMERA',
    })
    camera.clearRequests()
    const removals = () => camera.requests.filter(({ operation }) => operation === 'license').length
    await driver.removeLicense?.(request, callOptions())
    expect(removals()).toBe(1)
    await driver.removeLicense?.(request, callOptions())
    expect(camera.apps()).toMatchObject([{ licenseExpires: null, license: method === 'axis' ? 'Missing' : 'Custom' }])
  },
)

test('a license goes into the parameter that the listing names, and is taken away again', async () => {
  const { camera, driver } = await openCamera()
  const parameters = [{ name: 'License', default: '', type: 'string' }]
  await driver.install(await packages.write('1.0', { parameters }), callOptions())
  const license = `${'eyJhbGciOiJFZERTQSJ9'.repeat(60)}.e30.A=`
  const placement = { kind: 'PARAMETER', name: 'License' } as const
  expect(await driver.placeLicense({ appId, license, placement }, callOptions())).toEqual({ checkedBy: 'APP' })
  expect(camera.apps()).toMatchObject([{ parameters: { License: license } }])
  await driver.removeLicense?.({ appId, placement }, callOptions())
  expect(camera.apps()).toMatchObject([{ parameters: { License: '' } }])
})

test('a parameter that the app does not have is told, and nothing is written', async () => {
  const { camera, driver } = await openCamera()
  await driver.install(await packages.write('1.0'), callOptions())
  camera.clearRequests()
  const placement = { kind: 'PARAMETER', name: 'License' } as const
  const placing = driver.placeLicense({ appId, license: 'a.b.c', placement }, callOptions())
  await expect(placing).rejects.toMatchObject({
    code: 'license-refused',
    message: expect.stringContaining('parameter'),
  })
  expect(camera.requests.filter(({ operation }) => operation === 'param')).toHaveLength(1)
})

test.for(['network', 'Properties', 'pTZ'])(
  'settings of the camera are never written, though an app is called %s like their group',
  async (name) => {
    const { camera, driver } = await openCamera()
    const parameters = [{ name: 'License', default: '', type: 'string' }]
    await driver.install({ ...(await packages.write('1.0', { appId: name, parameters })), appId: name }, callOptions())
    const before = camera.writes
    const placement = { kind: 'PARAMETER', name: 'HTTP.AuthenticationPolicy' } as const
    const refused = { code: 'license-refused', message: expect.stringContaining(`root.${name}`) }
    await expect(
      driver.placeLicense({ appId: name, license: 'a.b.c', placement }, callOptions()),
    ).rejects.toMatchObject(refused)
    await expect(driver.removeLicense?.({ appId: name, placement }, callOptions())).rejects.toMatchObject(refused)
    expect(camera.writes).toBe(before)
  },
)

test('a license goes to the path of the app that the listing names, and nowhere else', async () => {
  const { camera, driver } = await openCamera()
  await driver.install(await packages.write('1.0', { httpPaths: ['license'] }), callOptions())
  camera.clearRequests()
  const place = (path: string) =>
    driver.placeLicense({ appId, license: 'a.b.c', placement: { kind: 'APP_PATH', path } }, callOptions())
  expect(await place('/license')).toEqual({ checkedBy: 'APP' })
  expect(camera.requests.at(-1)?.path).toBe(`/local/${appId}/license`)
  camera.clearRequests()
  await expect(place('../../axis-cgi/restart.cgi')).rejects.toMatchObject({ code: 'license-refused' })
  expect(camera.requests.map(({ operation }) => operation)).toEqual(['list'])
})
