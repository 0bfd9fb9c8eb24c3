import { expect, test } from 'vitest'
import { readAddressRanges } from './address-range.ts'

const hosts = (...texts: string[]) => [...readAddressRanges(texts)].map(({ host }) => host)
const origins = (text: string) => [...readAddressRanges([text])].flatMap((place) => place.origins)

test.each([
  ['192.0.2.7', ['192.0.2.7']],
  ['192.0.2.0/30', ['192.0.2.1', '192.0.2.2']],
  ['192.0.2.9/30', ['192.0.2.9', '192.0.2.10']],
  ['192.0.2.8/31', ['192.0.2.8', '192.0.2.9']],
  ['192.0.2.8/32', ['192.0.2.8']],
  ['192.0.2.254-192.0.3.1', ['192.0.2.254', '192.0.2.255', '192.0.3.0', '192.0.3.1']],
  ['192.0.2.10 - 12', ['192.0.2.10', '192.0.2.11', '192.0.2.12']],
  ['2001:db8::/127', ['2001:db8::', '2001:db8::1']],
  ['2001:db8::ff-2001:db8::101', ['2001:db8::ff', '2001:db8::100', '2001:db8::101']],
  ['::ffff:192.0.2.1-::ffff:192.0.2.2', ['::ffff:c000:201', '::ffff:c000:202']],
])('%s is %j', (text, expected) => {
  expect(hosts(text)).toEqual(expected)
})

test.each([
  ['192.0.2.7', ['https://192.0.2.7', 'http://192.0.2.7']],
  ['192.0.2.0/32', ['https://192.0.2.0', 'http://192.0.2.0']],
  ['2001:db8::1', ['https://[2001:db8::1]', 'http://[2001:db8::1]']],
  ['[2001:db8::1]:8080', ['https://[2001:db8::1]:8080', 'http://[2001:db8::1]:8080']],
  [
    '192.0.2.4/31:8080',
    ['https://192.0.2.4:8080', 'http://192.0.2.4:8080', 'https://192.0.2.5:8080', 'http://192.0.2.5:8080'],
  ],
  ['192.0.2.4-4:080', ['https://192.0.2.4:80', 'http://192.0.2.4:80']],
  ['camera.example:8080', ['https://camera.example:8080', 'http://camera.example:8080']],
  ['HTTP://192.0.2.7:80/onvif', ['http://192.0.2.7']],
])('%s is asked at %j', (text, expected) => {
  expect(origins(text)).toEqual(expected)
})

test.each([
  '',
  '2001:db8::a-40',
  '192.0.2.0/33',
  '192.0.2.0/',
  '2001:db8::/129',
  '192.0.2.9-192.0.2.1',
  '192.0.2.1-2001:db8::1',
  '192.0.2.1-300',
  '192.0.2.1-300:8080',
  '192.0.2.0/24:0',
  '192.0.2.0/24:99999',
  '192.0.2',
  'ftp://192.0.2.7',
  'http://root:secret@192.0.2.7',
  'two words',
  'a/b',
  `${'1'.repeat(400)}.example`,
])('"%s" is refused with a sentence', (text) => {
  expect(() => readAddressRanges([text])).toThrow(RangeError)
})

test('a whole /16 is walked through, and one address more is refused before anything is expanded', () => {
  const ranges = readAddressRanges(['10.1.0.0/16'])
  expect(ranges.total).toBe(65_534)
  expect([...ranges].at(-1)?.host).toBe('10.1.255.254')
  expect(() => readAddressRanges(['10.1.0.0/16', '10.2.0.1-10.2.0.3'])).toThrow(/65537/)
  expect(() => readAddressRanges(['::/0'])).toThrow(RangeError)
  expect(() => readAddressRanges(['0.0.0.0/0'])).toThrow(RangeError)
})
