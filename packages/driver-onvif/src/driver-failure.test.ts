import { DriverError } from '@ocelli/driver'
import { OnvifError, type OnvifErrorCode } from '@ocelli/onvif'
import { expect, test } from 'vitest'
import { isAboutLicense, toDriverError } from './driver-failure.ts'

const translated = (...given: ConstructorParameters<typeof OnvifError>) => {
  const error = toDriverError(new OnvifError(...given))
  return error instanceof DriverError ? `${error.code} ${error.deviceCode}` : error
}

test('every code of the client has one of the drivers', () => {
  const pairs: [OnvifErrorCode, string][] = [
    ['unreachable', 'unreachable'],
    ['timeout', 'timeout'],
    ['cancelled', 'cancelled'],
    ['credentials-refused', 'credentials-refused'],
    ['certificate-changed', 'certificate-changed'],
    ['unsupported', 'unsupported'],
    ['events-unsupported', 'unsupported'],
    ['bad-reply', 'bad-reply'],
    ['rejected', 'refused'],
  ]
  for (const [code, expected] of pairs) expect(translated(code, 'words')).toBe(`${expected} null`)
})

test('a rejection keeps the words of the camera, and says what kind it is', () => {
  const unknown = { code: 'Sender', subcodes: ['InvalidArgVal', 'UnknownId'], reason: 'no such app' }
  expect(translated('rejected', 'words', { fault: unknown })).toBe('app-not-found Sender/InvalidArgVal/UnknownId')
  expect(translated('rejected', 'words', { httpStatus: 503, retryable: true })).toBe('busy HTTP 503')
  expect(translated('unsupported', 'words', { httpStatus: 401 })).toBe('credentials-refused HTTP 401')
})

test('a driver error and a bug pass as they are', () => {
  const bug = new TypeError('bug')
  const own = new DriverError('busy', 'words')
  expect([toDriverError(bug), toDriverError(own)]).toEqual([bug, own])
})

test('words about licenses are recognized in both spellings', () => {
  expect(['no License', 'licence expired', 'bad signature', '', null].map(isAboutLicense)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ])
})

test('a login that an Axis camera refuses is told with where its ONVIF users are kept', () => {
  const refused = (realm: string | undefined) =>
    toDriverError(new OnvifError('credentials-refused', 'Refused.', { realm })) as DriverError
  expect(refused('AXIS_ACCC8E123456').message).toMatch(/^Refused\. .*list of their own/)
  expect(refused('another').message).toBe('Refused.')
  expect(refused(undefined).message).toBe('Refused.')
})
