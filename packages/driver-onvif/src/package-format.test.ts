import { expect, test } from 'vitest'
import { appFormatsOf, contentTypeFor } from './package-format.ts'

test('a camera takes .apk when it names Android packages or plain bytes, in whatever case', () => {
  expect(appFormatsOf(['application/vnd.android.package-archive'])).toEqual(['apk'])
  expect(appFormatsOf(['Application/Octet-Stream'])).toEqual(['apk'])
  expect(appFormatsOf(['application/x-eap'])).toEqual([])
  expect(appFormatsOf([])).toEqual([])
})

test('an upload carries the more exact of the types, as the camera spells it', () => {
  expect(contentTypeFor('apk', ['application/octet-stream', 'application/VND.android.package-archive'])).toBe(
    'application/VND.android.package-archive',
  )
  expect(contentTypeFor('apk', ['application/octet-stream'])).toBe('application/octet-stream')
})

test('a package that the camera does not take is incompatible', () => {
  const incompatible = expect.objectContaining({ code: 'incompatible' })
  expect(() => contentTypeFor('eap', ['application/octet-stream'])).toThrow(incompatible)
  expect(() => contentTypeFor('apk', ['application/x-eap'])).toThrow(incompatible)
})
