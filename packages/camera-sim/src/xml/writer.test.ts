import { expect, test } from 'vitest'
import { readXml } from './reader.ts'
import { escapeXml, xml } from './writer.ts'

test('text is escaped wherever it is put, and reads back as it was', () => {
  const hostile = `<b a="1">&'\r\n\t]]>`
  const markup = xml`<a x="${hostile}">${hostile}</a>`.markup
  expect(readXml(markup).text).toBe(hostile)
  expect(readXml(markup).attributes[0]?.value).toBe(hostile)
})

test('fragments, lists of fragments and nothing are put in as markup', () => {
  const items = ['x', 'y'].map((value) => xml`<i>${value}</i>`)
  expect(xml`<a>${items}${null}${xml`<b/>`}${true}${7}</a>`.markup).toBe('<a><i>x</i><i>y</i><b/>true7</a>')
})

test('indentation of the source does not reach the wire', () => {
  expect(
    xml`
      <a>
        <b/>
      </a>`.markup,
  ).toBe('<a><b/></a>')
})

test('characters that XML cannot carry are replaced', () => {
  expect(escapeXml('a\u0000b\ud800c\u{1f600}')).toBe('a\u{fffd}b\u{fffd}c\u{1f600}')
})
