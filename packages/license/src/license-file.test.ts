import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeLicenseFile, encodeLicenseFile, LicenseFileError } from './license-file.ts'

const token = 'aa.bb.cc'
const keyCertificate = 'dd.ee.ff'
const grant = 'gg.hh.ii'

test('the parts are joined to one line and come apart again', () => {
  expect(encodeLicenseFile({ token, keyCertificate })).toBe('aa.bb.cc~dd.ee.ff')
  expect(encodeLicenseFile({ token, keyCertificate, grant })).toBe('aa.bb.cc~dd.ee.ff~gg.hh.ii')
  expect(decodeLicenseFile('aa.bb.cc~dd.ee.ff')).toEqual({ token, keyCertificate, grant: null })
  expect(decodeLicenseFile('aa.bb.cc~dd.ee.ff~gg.hh.ii')).toEqual({ token, keyCertificate, grant })
})

test('a bare token is a license file too', () => {
  expect(decodeLicenseFile(token)).toEqual({ token, keyCertificate: null, grant: null })
})

test.each(['\uFEFFaa.bb.cc', 'aa.bb.cc\n', '  aa.bb.cc\r\n', '\uFEFF\t aa.bb.cc \n\n'])('%j is read', (text) => {
  expect(decodeLicenseFile(text).token).toBe(token)
})

test.each([
  '',
  ' ',
  'aa.bb',
  'aa.bb.cc.dd',
  'aa.bb.cc~',
  '~aa.bb.cc',
  'aa.bb.cc~dd.ee.ff~gg.hh.ii~jj.kk.ll',
  'aa.b b.cc',
  'aa.bb.cc\ndd.ee.ff',
  'aa..cc',
  'aa.bb.',
  'aa.b\u0000b.cc',
  `aa.bb.${'c'.repeat(16 * 1024)}`,
])('%j is not a license file', (text) => {
  expect(() => decodeLicenseFile(text)).toThrow(LicenseFileError)
})

test('parts that would not come apart again are not joined', () => {
  expect(() => encodeLicenseFile({ token: 'aa.bb.cc~dd.ee.ff', keyCertificate, grant })).toThrow(LicenseFileError)
  expect(() => encodeLicenseFile({ token, keyCertificate: '' })).toThrow(LicenseFileError)
  expect(() => encodeLicenseFile({ token, keyCertificate, grant: 'g'.repeat(20_000) })).toThrow(LicenseFileError)
})

test('for any text it gives parts or a LicenseFileError', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '.', '~', ' ', '\n', '\uFEFF', '\0') }), (text) => {
      try {
        const file = decodeLicenseFile(text)
        expect(text).toContain(file.token)
      } catch (error) {
        expect(error).toBeInstanceOf(LicenseFileError)
      }
    }),
  )
})
