import { expect, test } from 'vitest'
import { canRunApps } from './describe-camera.ts'
import { compareVersions } from './os-version.ts'
import { appParameterName, checkUpdate, readParameters } from './parameters.ts'
import { replyOf, webPage } from './reply-fixture.ts'

test('lines are parameters, and a value may hold an equals sign', () => {
  const text =
    'root.Properties.System.SerialNumber=ACCC8E123456\r\nroot.Counter.Url=http://h/?a=b\r\nroot.Brand.Empty=\r\n'
  expect(Object.fromEntries(readParameters(replyOf(text)))).toEqual({
    'Properties.System.SerialNumber': 'ACCC8E123456',
    'Counter.Url': 'http://h/?a=b',
    'Brand.Empty': '',
  })
})

test.each(['', '!'])('a group that is not there leaves the others, whatever ends its line (%j)', (ending) => {
  const text = `# Error: Error -1 getting param in group 'Properties.Foo'${ending}\r\nroot.Brand.Brand=AXIS\r\n`
  expect([...readParameters(replyOf(text)).values()]).toEqual(['AXIS'])
})

test('a camera without any of the groups has none of the parameters', () => {
  expect(readParameters(replyOf("# Error: Error -1 getting param in group 'X'\r\n")).size).toBe(0)
  expect(readParameters(replyOf('')).size).toBe(0)
})

test('something else is a bad reply', () => {
  expect(() => readParameters(webPage)).toThrow(expect.objectContaining({ code: 'bad-reply' }))
  expect(() => readParameters(replyOf('what?'))).toThrow(expect.objectContaining({ code: 'bad-reply' }))
})

test('an update is done when the camera says OK', () => {
  expect(() => checkUpdate(replyOf('OK\n'), 'value')).not.toThrow()
  expect(() => checkUpdate(replyOf("# Error: Error setting 'root.X' to 'y'!"), 'value')).toThrow(
    expect.objectContaining({ code: 'refused' }),
  )
})

test('the parameters of an app lie below its name with a capital', () => {
  expect(appParameterName('object_dwell_timer', 'License')).toBe('Object_dwell_timer.License')
})

test.each([
  ['2.16', true],
  ['1.20', true],
  ['1.10', false],
])('version %s of the application interface can list apps: %s', (version, expected) => {
  expect(canRunApps(new Map([['Properties.EmbeddedDevelopment.Version', version]]))).toBe(expected)
})

test('a camera without the application interface runs no apps', () => {
  expect(canRunApps(new Map())).toBe(false)
})

test('versions are compared part by part', () => {
  expect(compareVersions('9.80.1', '11.2')).toBeLessThan(0)
  expect(compareVersions('12.6', '12.6.0')).toBe(0)
  expect(compareVersions('12.11.77', '12.6')).toBeGreaterThan(0)
})

test('a camera that repeats the license that it did not take does not bring it into the error, not even in part', () => {
  const license = 'eyJhbGciOiJFZERTQSJ9.'.repeat(20)
  const refusal = `# Error: Error setting 'root.Counter.License' to '${license}'!\n`
  let error: unknown
  try {
    checkUpdate(replyOf(refusal), license)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toMatchObject({
    code: 'refused',
    deviceCode: "# Error: Error setting 'root.Counter.License' to '***'!",
  })
  expect(String(error)).not.toContain('eyJ')
})
