import { expect, test } from 'vitest'
import { controlErrors, errorFor, licenseErrors, uploadErrors } from './error-tables.ts'

const outcome = (code: number) => ({ kind: 'error', code, words: `Error: ${code}` }) as const
const fallback = { code: 'install-failed', what: 'install the package' } as const

test.each([
  ['upload.cgi', uploadErrors, [1, 2, 3, 5, 10, 12, 13, 14, 15, 27, 29]],
  ['control.cgi', controlErrors, [1, 4, 6, 7, 8, 9, 10, 11, 15, 21]],
  ['license.cgi', licenseErrors, [21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31]],
])('every code of %s has a sentence and keeps the words of the camera', (_, table, codes) => {
  expect(Object.keys(table).map(Number)).toEqual(codes)
  for (const code of codes) {
    const error = errorFor(table, outcome(code), fallback)
    expect(error.message).toMatch(/^[A-Z].{15,}\.$/)
    expect(error.deviceCode).toBe(`Error: ${code}`)
  }
})

test.each([
  [2, 'signature-refused', 'refused-by-device', false],
  [3, 'storage-full', 'refused-by-device', false],
  [5, 'incompatible', 'incompatible', false],
  [12, 'busy', 'device-unreachable', true],
])('the upload error %i is %s', (code, name, category, retryable) => {
  expect(errorFor(uploadErrors, outcome(code), fallback)).toMatchObject({ code: name, category, retryable })
})

test('a code that no table has is told as it is', () => {
  const error = errorFor(uploadErrors, outcome(99), fallback)
  expect(error).toMatchObject({ code: 'install-failed', deviceCode: 'Error: 99' })
  expect(error.message).toContain('Error: 99')
})
