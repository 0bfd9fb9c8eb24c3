import { describe, expect, test } from 'vitest'
import { PackageError } from '../package-error.ts'
import { parsePackageConf, parseParamConf } from './package-conf.ts'

const parse = (text: string) => Object.fromEntries(parsePackageConf(Buffer.from(text)))

test.each([
  ['A=plain', 'plain'],
  ['A="with blanks # and more"', 'with blanks # and more'],
  ["A='single # quotes'", 'single # quotes'],
  ['A=value # a comment', 'value'],
  ['A=value\t#one #two', 'value'],
  ['A=no#comment', 'no#comment'],
  ['A=#value', '#value'],
  ['A=two words', 'two words'],
  ['A="say \\"it\\" \\$plainly"', 'say "it" $plainly'],
  ['A=1\nA=2', '2'],
])('%j sets %j', (text, value) => {
  expect(parse(text)).toEqual({ A: value })
})

test('a file without a line of its form is refused', () => {
  expect(() => parse('no assignment')).toThrow(PackageError)
})

describe('a megabyte that looks like', () => {
  const size = 1024 * 1024
  test.each([
    ['blanks', 'A=a', ' ', 'b'],
    ['tabs and blanks', 'A="', '\t ', ''],
    ['comments', 'A=a', ' #', '\rb'],
    ['an endless text', 'A="', 'a\\', ''],
    ['blanks before a name', '', ' ', 'A'],
  ])('%s is read at once', (_what, before, piece, after) => {
    const bytes = Buffer.from(`B=1\n${before}${piece.repeat(size / piece.length)}${after}`)
    const startedAt = performance.now()
    parsePackageConf(bytes)
    parseParamConf(bytes)
    expect(performance.now() - startedAt).toBeLessThan(1000)
  })
})
