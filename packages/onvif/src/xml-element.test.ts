import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isOnvifError } from './onvif-error.ts'
import {
  attribute,
  child,
  childrenNamed,
  childText,
  descend,
  escapeXml,
  parseXml,
  serializeXml,
} from './xml-element.ts'

const isBadReply = (text: string): boolean => {
  try {
    parseXml(text)
    return false
  } catch (error) {
    return isOnvifError(error, 'bad-reply')
  }
}

describe('reading', () => {
  test('finds children by local name, qualified or not, one or many', () => {
    const root = parseXml('<x:r xmlns:x="urn:x"><x:a>1</x:a><a>2</a><b xmlns="urn:b"><c/></b></x:r>')
    expect(childrenNamed(root, 'a').map(({ text }) => text)).toEqual(['1', '2'])
    expect(childrenNamed(root, 'a').map(({ namespace }) => namespace)).toEqual(['urn:x', ''])
    expect(descend(root, 'b', 'c')?.namespace).toBe('urn:b')
    expect(child(root, 'none')).toBeUndefined()
  })

  test('never guesses types', () => {
    const root = parseXml('<r v="007"><n>1.20</n><b>true</b><e>1e3</e></r>')
    expect([childText(root, 'n'), childText(root, 'b'), childText(root, 'e'), attribute(root, 'v')]).toEqual([
      '1.20',
      'true',
      '1e3',
      '007',
    ])
  })

  test('decodes the entities of XML and no others, and leaves CDATA alone', () => {
    const root = parseXml('<r a="&quot;&#x41;"><t>&lt;&amp;&gt; &#252;&foo; <![CDATA[&amp;<x>]]></t></r>')
    expect(child(root, 't')?.text).toBe('<&> ü&foo; &amp;<x>')
    expect(attribute(root, 'a')).toBe('"A')
  })

  test('reads what XML cannot carry as U+FFFD, so that whatever was read can be written again', () => {
    const root = parseXml('<r a="&#0;"><t>a&#x1;b\0c&#xD800;d&#x110000;</t></r>')
    expect([childText(root, 't'), attribute(root, 'a')]).toEqual(['a\ufffdb\ufffdc\ufffdd\ufffd', '\ufffd'])
    expect(parseXml(serializeXml(root))).toEqual(root)
  })

  test('bears names that are poison to objects', () => {
    const root = parseXml('<r><toString>x</toString><hasOwnProperty/></r>')
    expect(root.children).toHaveLength(2)
    expect(isBadReply('<__proto__ a="1"/>')).toBe(true)
    expect(Object.prototype).not.toHaveProperty('a')
  })

  test('refuses document types: no entity is ever expanded', () => {
    const bomb =
      '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><r>&b;&b;&b;&b;&b;&b;</r>'
    expect(isBadReply(bomb)).toBe(true)
    expect(isBadReply('<!doctype r SYSTEM "file:///etc/passwd"><r/>')).toBe(true)
    expect(isBadReply('<! ENTITY><r/>')).toBe(true)
  })

  test.each(['', 'text', '<a>', '<a><b></a></b>', '<a/><b/>', '<a b="1" b="2"/>', '<a>&</a', '{"json":true}', '\0\0'])(
    'refuses what is not well-formed: %j',
    (text) => expect(isBadReply(text)).toBe(true),
  )

  test('reads or refuses whatever is made of the pieces of XML', () => {
    const pieces = [
      '<a',
      '</a>',
      '<x:b',
      ' c="d"',
      '/>',
      '>',
      '<![CDATA[',
      ']]>',
      '<!--',
      '-->',
      '&amp;',
      '&#1;',
      '&',
      't',
      '<?x',
      '?>',
      ' xmlns:x="u"',
      "'",
      '"',
      '\0',
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 40 }), (parts) => {
        const text = parts.join('')
        try {
          expect(typeof parseXml(text).name).toBe('string')
        } catch (error) {
          if (!isOnvifError(error, 'bad-reply')) throw error
        }
      }),
      { numRuns: 3000 },
    )
  })

  test('is quick with hostile shapes', () => {
    const size = 256 * 1024
    const started = performance.now()
    for (const part of ['<a/>', '<a>', '<', '<a b="', '<!--', '<![CDATA[', '</a>', '<?x ', '&', '<!', 'a="" ']) {
      isBadReply(`<r>${part.repeat(size / part.length)}`)
      isBadReply(`<r>${part.repeat(size / part.length)}</r>`)
    }
    const declarations = Array.from({ length: 20_000 }, (_, index) => `xmlns:p${index}="u"`).join(' ')
    parseXml(`<r ${declarations}>${'<a xmlns:q="u"/>'.repeat(20_000)}</r>`)
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(isBadReply(`<r>${'<a>'.repeat(500)}${'</a>'.repeat(500)}</r>`)).toBe(true)
    expect(isBadReply(`<r>${'<a/>'.repeat(60_000)}</r>`)).toBe(true)
  })
})

describe('writing', () => {
  test('escapes what would end a text or an attribute, and refuses what XML cannot carry', () => {
    const nasty = `<a>&"'\r\n\t]]>`
    expect(childText(parseXml(`<r><t>${escapeXml(nasty)}</t></r>`), 't')).toBe(nasty.trim())
    expect(attribute(parseXml(`<r a="${escapeXml('"><b/>')}"/>`), 'a')).toBe('"><b/>')
    expect(() => escapeXml('a\0b')).toThrow(RangeError)
  })

  test('brings every text back that XML can carry', () => {
    const carried = fc.string({ unit: 'binary' }).filter((text) => /^[\t\n\r\x20-\ud7ff\ue000-\ufffd]*$/u.test(text))
    fc.assert(
      fc.property(carried, (text) => {
        expect(child(parseXml(`<r><t>${escapeXml(text)}</t></r>`), 't')?.text).toBe(text)
      }),
    )
  })

  test('moves an element with its namespaces into another document', () => {
    const source = parseXml(
      '<r xmlns:s="urn:s" xmlns:t="urn:t"><s:Id t:kind="&lt;" plain="1">7<inner xmlns="">&amp;</inner></s:Id></r>',
    )
    const moved = child(source, 'Id')
    if (moved === undefined) throw new Error('no Id')
    expect(child(parseXml(`<other xmlns="urn:o">${serializeXml(moved)}</other>`), 'Id')).toEqual(moved)
  })
})
