import { describe, expect, test } from 'vitest'
import { writeBinaryXml, type XmlAttributeSpec, type XmlSpec } from '../testing/binary-xml-writer.ts'
import { describeManifest } from '../testing/manifest-writer.ts'
import { parseManifest } from './manifest.ts'

const base = { appId: 'com.example.counter', versionCode: 7, versionName: '1.2', minSdk: 24 }
const ids = { versionCode: 0x0101021b, versionName: 0x0101021c, minSdkVersion: 0x0101020c, label: 0x01010001 }

/** A manifest whose attributes of one element are changed: given ones replace those of that name, null removes. */
function changed(element: 'manifest' | 'uses-sdk' | 'application', change: Record<string, unknown>): XmlSpec {
  const root = describeManifest({ ...base, targetSdk: 33, label: 'Counter' })
  const target = element === 'manifest' ? root : root.children?.find(({ name }) => name === element)
  if (target === undefined) throw new Error(`No element ${element}.`)
  target.attributes = (target.attributes ?? []).flatMap((attribute) => {
    const value = change[attribute.name]
    if (value === undefined) return [attribute]
    return value === null ? [] : [{ ...attribute, value } as XmlAttributeSpec]
  })
  return root
}

const parse = (root: XmlSpec) => parseManifest(writeBinaryXml(root))

test.each(['utf8', 'utf16'] as const)('a manifest with strings in %s is read', (encoding) => {
  const root = describeManifest({ ...base, targetSdk: 33, label: 'Zähler 📷' })
  expect(parseManifest(writeBinaryXml(root, { encoding }))).toEqual({
    appId: 'com.example.counter',
    versionCode: 7,
    versionName: '1.2',
    minPlatformLevel: 24,
    targetPlatformLevel: 33,
    label: 'Zähler 📷',
  })
})

test('names of more than 127 bytes, whose lengths take two bytes, are read', () => {
  for (const encoding of ['utf8', 'utf16'] as const) {
    const versionName = 'ü'.repeat(200)
    expect(parseManifest(writeBinaryXml(describeManifest({ ...base, versionName }), { encoding }))).toMatchObject({
      versionName,
    })
  }
})

test('ten thousands of elements with one long name, 12 KB when packed, are read at once', () => {
  const root = describeManifest(base)
  const child = { name: '€'.repeat(10_900) }
  const document = writeBinaryXml({ ...root, children: [...(root.children ?? []), ...Array(69_000).fill(child)] })
  const startedAt = performance.now()
  expect(parseManifest(document)).toMatchObject({ appId: base.appId })
  expect(performance.now() - startedAt).toBeLessThan(1000)
})

describe('versions', () => {
  test('the major half of the version code counts', () => {
    const versionCode = 5 * 2 ** 32 + 9
    expect(parse(describeManifest({ ...base, versionCode }))).toMatchObject({ versionCode })
  })

  test('a version code beyond 2^53 is refused', () => {
    const root = describeManifest({ ...base, versionCode: 2 ** 53 - 1 })
    expect(parse(root).versionCode).toBe(2 ** 53 - 1)
    const major = root.attributes?.find(({ name }) => name === 'versionCodeMajor')
    if (major) major.value = 2 ** 21
    expect(() => parse(root)).toThrow(/2\^53/)
  })

  test('a version name that refers to a resource, is empty or missing gives way to the version code', () => {
    for (const versionName of [{ reference: 0x7f040001 }, '', null]) {
      expect(parse(changed('manifest', { versionName })).versionName).toBe('7')
    }
  })

  test('a version name of 256 characters is refused in UTF-16 too', () => {
    const document = writeBinaryXml(changed('manifest', { versionName: '1'.repeat(256) }), { encoding: 'utf16' })
    expect(() => parseManifest(document)).toThrow(/versionName/)
  })

  test.each([
    ['no version code', { versionCode: null }],
    ['a version code in letters', { versionCode: '7' }],
    ['a version code in a resource', { versionCode: { reference: 0x7f040001 } }],
    ['a version name of several lines', { versionName: '1\n2' }],
    ['a version name of 256 characters', { versionName: '1'.repeat(256) }],
  ])('%s is refused', (_what, change) => {
    expect(() => parse(changed('manifest', change))).toThrow(/version/)
  })
})

describe('package names', () => {
  test.each(['a.b', 'com.example.App_2', 'A.B.C'])('%s is one', (name) => {
    expect(parse(changed('manifest', { package: name })).appId).toBe(name)
  })

  test.each([
    '',
    'app',
    '.a.b',
    'a..b',
    'a.b.',
    'a.2b',
    'a._b',
    'a.b-c',
    'a.b/../c',
    'a.ü',
    `a.${'b'.repeat(254)}`,
    'a.b\0',
  ])('%j is none', (name) => {
    expect(() => parse(changed('manifest', { package: name }))).toThrow(/package name/)
  })

  test.each([null, { reference: 1 }, 5])('%j is none', (value) => {
    expect(() => parse(changed('manifest', { package: value }))).toThrow(/package name/)
  })

  test('an attribute of that name in the name space of Android is not the package name', () => {
    const root = changed('manifest', { package: null })
    root.attributes?.push({ name: 'package', id: 0x01010005, value: 'com.example.fake' })
    expect(() => parse(root)).toThrow(/package name/)
  })

  test('a part of a split app is refused', () => {
    const root = changed('manifest', {})
    root.attributes?.push({ name: 'split', value: 'config.arm64_v8a' })
    expect(() => parse(root)).toThrow(/split app/)
  })
})

describe('platform levels', () => {
  test('without uses-sdk an app runs from level 1 on', () => {
    const root = changed('manifest', {})
    root.children = root.children?.filter(({ name }) => name !== 'uses-sdk')
    expect(parse(root)).toMatchObject({ minPlatformLevel: 1, targetPlatformLevel: null })
  })

  test('a target with a code name is no number', () => {
    expect(parse(changed('uses-sdk', { targetSdkVersion: 'S' })).targetPlatformLevel).toBeNull()
  })

  test.each(['S', '24', { reference: 1 }, 0xffffffff])('a minimum of %j is refused', (minSdkVersion) => {
    expect(() => parse(changed('uses-sdk', { minSdkVersion }))).toThrow(/minSdkVersion/)
  })
})

describe('labels', () => {
  test.each([
    ['a reference', { reference: 0x7f040001 }, null],
    ['nothing', null, null],
    ['white space', ' \n ', null],
    ['several lines', 'Big\n\tcounter', 'Big counter'],
    ['a text beyond bounds', 'x'.repeat(1001), null],
  ])('%s is %j', (_what, label, expected) => {
    expect(parse(changed('application', { label })).label).toBe(expected)
  })
})

describe('structure', () => {
  const usesSdk = (level: number): XmlSpec => ({
    name: 'uses-sdk',
    attributes: [{ name: 'minSdkVersion', id: ids.minSdkVersion, value: level }],
  })

  test('elements further inside mean nothing', () => {
    const root = changed('manifest', {})
    root.children?.push({ name: 'queries', children: [usesSdk(99), { name: 'application' }, { name: 'manifest' }] })
    expect(parse(root)).toMatchObject({ minPlatformLevel: 24, label: 'Counter' })
  })

  test('two of what must be one are refused', () => {
    for (const name of ['uses-sdk', 'application']) {
      const root = changed('manifest', {})
      root.children?.push({ name })
      expect(() => parse(root)).toThrow(`two ${name} elements`)
    }
  })

  test('another root is refused', () => {
    expect(() => parse({ ...changed('manifest', {}), name: 'resources' })).toThrow(/root/)
  })

  test('attributes are known by their resource id, whatever they are called', () => {
    const root = changed('manifest', {})
    for (const attribute of root.attributes ?? []) if (attribute.id === ids.versionCode) attribute.name = 'scrambled'
    root.attributes?.push({ name: 'versionCode', id: 0x01019999, value: 666 })
    expect(parse(root).versionCode).toBe(7)
  })

  test('without a map of ids they are known by their name', () => {
    expect(parseManifest(writeBinaryXml(describeManifest(base), { withResourceIds: false }))).toMatchObject({
      versionCode: 7,
      minPlatformLevel: 24,
    })
  })

  test('an attribute that is there twice is refused', () => {
    const root = changed('manifest', {})
    root.attributes?.push({ name: 'versionCode', id: ids.versionCode, value: 8 })
    expect(() => parse(root)).toThrow(/versionCode is there twice/)
  })
})
