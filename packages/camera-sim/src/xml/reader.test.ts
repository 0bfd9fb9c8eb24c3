import { expect, test } from 'vitest'
import { attributeNamed, childText, readXml, XmlError } from './reader.ts'

test('names resolve through the prefixes in force, and an unprefixed child of a default namespace is qualified', () => {
  const root = readXml('<a:Op xmlns:a="urn:a"><One/><Two xmlns="urn:d"><Three/></Two></a:Op>')
  expect([root.namespace, root.name]).toEqual(['urn:a', 'Op'])
  expect(root.children.map((child) => child.namespace)).toEqual(['', 'urn:d'])
  expect(root.children[1]?.children[0]?.namespace).toBe('urn:d')
})

test('xmlns="" takes a child out of the default namespace', () => {
  const root = readXml('<Op xmlns="urn:a"><AppID xmlns="">x</AppID></Op>')
  expect(root.children[0]?.namespace).toBe('')
})

test('named and numeric references are decoded in text and attributes, but not inside CDATA', () => {
  const root = readXml('<a t="1&amp;&#x41;"><b>&lt;&#65;&#x1F600;<![CDATA[<&amp;]]></b></a>')
  expect(attributeNamed(root, 't')).toBe('1&A')
  expect(childText(root, 'b')).toBe('<A\u{1f600}<&amp;')
})

test.each([
  ['an unclosed element', '<a><b></a>'],
  ['two roots', '<a/><b/>'],
  ['text after the root', '<a/>tail'],
  ['a document type declaration', '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'],
  ['an unknown entity', '<a>&nope;</a>'],
  ['a bare ampersand', '<a>R&D</a>'],
  ['a reference to a forbidden character', '<a>&#0;</a>'],
  ['an undeclared prefix', '<a:b/>'],
  ['an attribute without a value', '<a x/>'],
  ['a name that would reach a prototype', '<__proto__/>'],
  ['nothing', ''],
  ['nesting without end', `${'<a>'.repeat(5000)}${'</a>'.repeat(5000)}`],
])('%s is refused', (_what, text) => {
  expect(() => readXml(text)).toThrow(XmlError)
})
